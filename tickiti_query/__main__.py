"""The command line as a program: `python -m tickiti_query`, and `tickiti-query` where the package is installed."""

import signal
import sys
from io import TextIOWrapper

from tickiti_query.cli import MODULE, main


def run_script(program: str = "tickiti-query") -> int:
    """Run the command that the arguments name, and return its exit code."""
    signal.signal(signal.SIGPIPE, signal.SIG_DFL)  # `| head` ends a command without a word
    signal.signal(signal.SIGINT, signal.SIG_DFL)  # and so does Ctrl-C
    for stream in (sys.stdout, sys.stderr):
        if isinstance(stream, TextIOWrapper):
            stream.reconfigure(errors="backslashreplace")  # a letter that the locale does not have is no failure
    return main(program=program)


if __name__ == "__main__":
    sys.exit(run_script(MODULE))
