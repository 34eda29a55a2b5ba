"""Faults of the service and its surroundings while clients keep asking; docs/reliability.md is the table of them."""
