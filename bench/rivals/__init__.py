"""The rivals of the service: other programs that answer the same question, written as a good engineer would."""
