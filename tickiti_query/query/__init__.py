"""One request, from its credentials to rendered rows."""
