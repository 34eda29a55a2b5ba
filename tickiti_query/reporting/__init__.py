"""The reporting contract: its relations, and rows of the replica as tokens, perspectives and looked-up names."""
