"""The wire format: the shape of what comes in and goes out, in marshmallow's terms."""
