"""Admission: how often a caller may ask, how many requests may read the replica, how many bytes may be under way."""
