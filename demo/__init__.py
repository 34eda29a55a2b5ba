"""An embedded PostgreSQL primary with its hot standby, and a help desk's worth of demo data to put there."""
