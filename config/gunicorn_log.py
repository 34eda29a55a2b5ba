"""gunicorn's logger, without the text that clients send: a malformed request may hold a token."""

from typing import Any

from gunicorn.glogging import Logger


class QuietLogger(Logger):  # type: ignore[misc]  # gunicorn has no types
    """A logger of what gunicorn says of itself, and of requests only that one was refused or failed."""

    def access(self, *_: Any, **__: Any) -> None:
        """Write nothing: the service has a line of its own for each request."""

    def warning(self, msg: str, *args: Any, **kwargs: Any) -> None:
        """Log a warning; of a malformed request, without its text."""
        if msg.startswith("Invalid request from"):
            msg, args = "refused what is no HTTP request", ()
        super().warning(msg, *args, **kwargs)

    def exception(self, msg: str, *args: Any, **kwargs: Any) -> None:  # noqa: ARG002  the URI may hold a token
        """Log that something failed; the formatter adds the exception's class and place."""
        super().exception("unforeseen error", **kwargs)
