"""The errors that end a command with a sentence instead of a traceback."""


class CommandError(Exception):
    """The command cannot do its work; the message is one sentence that says why."""

    exit_code = 2


class Refused(CommandError):
    """The command was understood, and its answer is an error that the service would give, too."""

    exit_code = 1
