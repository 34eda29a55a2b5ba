"""tickiti-query: reads a saved Tickiti ticket view from a PostgreSQL hot standby."""
