"""The single checks: each reads one aspect of the replica and yields results."""
