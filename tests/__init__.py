"""The tests: unit/ of single parts, api/ of the HTTP edge, integration/ on a real primary and hot standby."""
