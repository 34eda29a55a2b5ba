"""The command line as a program: `python -m tickiti_query`, and `tickiti-query` where the package is installed."""

import signal
import sys

from tickiti_query.cli import MODULE, main


def run_script(program: str = "tickiti-query") -> int:
    """Run the command that the arguments name, and return its exit code."""
    signal.signal(signal.SIGPIPE, signal.SIG_DFL)  # `| head` ends a command without a word
    signal.signal(signal.SIGINT, signal.SIG_DFL)  # and so does Ctrl-C
    return main(program=program)


if __name__ == "__main__":
    sys.exit(run_script(MODULE))
