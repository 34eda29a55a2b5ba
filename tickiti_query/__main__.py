"""`python -m tickiti_query`: the command line."""

import signal
import sys

from tickiti_query.cli import main

if __name__ == "__main__":
    signal.signal(signal.SIGPIPE, signal.SIG_DFL)  # `| head` ends a command without a word
    signal.signal(signal.SIGINT, signal.SIG_DFL)  # and so does Ctrl-C
    sys.exit(main())
