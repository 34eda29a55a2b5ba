"""Helpers of the tests: importable by any of them, and tested themselves."""
