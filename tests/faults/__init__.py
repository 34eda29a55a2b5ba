"""What the service goes through while clients keep asking; docs/reliability.md is the table of it."""
