"""`python -m tickiti_query`: the command line."""

import sys

from tickiti_query.cli import main

if __name__ == "__main__":
    sys.exit(main())
