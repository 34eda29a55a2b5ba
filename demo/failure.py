"""The error that ends the demo with a sentence instead of a traceback."""


class DemoError(RuntimeError):
    """The demo cannot go on; the message says why and what to do."""
