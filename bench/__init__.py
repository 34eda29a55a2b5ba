"""What performance claims are made with: a large reporting schema and the shapes measured on it."""
