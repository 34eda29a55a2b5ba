"""What ends a command with a sentence instead of a traceback."""


class CommandError(Exception):
    """The command cannot do its work; the message is one sentence that says why."""
