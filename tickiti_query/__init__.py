"""tickiti-query: reads a saved Tickiti ticket view from a PostgreSQL hot standby."""

VERSION = "0.1.0"
