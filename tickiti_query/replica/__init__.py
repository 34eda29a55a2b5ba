"""The hot standby: connections to it, read-only transactions on it, and its state."""
