"""Admission: how often a caller may ask, and how many requests may wait for the replica."""
