"""The tests: unit/ of single modules, api/ of the HTTP edge, integration/ on a real primary and hot standby."""
