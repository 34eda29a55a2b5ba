"""The catalogue: each field once, with its values, its SQL, its order key and its column."""
