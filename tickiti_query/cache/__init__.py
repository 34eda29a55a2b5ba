"""The cache: what the replica shows, what proves an answer by it, and the answers that are kept."""
