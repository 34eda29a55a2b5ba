"""The command line, `python -m tickiti_query COMMAND`: a composition root of its own beside the service's.

A command is a module with two functions, and an entry in COMMANDS: `add_parser(subparsers)` adds its parser and makes
`run` that parser's default; `run(args)` does the work and returns the exit code. What it cannot go on from it raises
as CommandError: one sentence, and the exit code.
"""

import argparse
import sys
from collections.abc import Sequence

from tickiti_query import VERSION
from tickiti_query.cli import check, costs, explain, why
from tickiti_query.cli.session import CommandError

MODULE = "python -m tickiti_query"  # its name where no script of it is installed
COMMANDS = (check, costs, explain, why)


def main(argv: Sequence[str] | None = None, program: str = MODULE) -> int:
    """Run the command that `argv` names, and return the exit code. Raise SystemExit for usage errors and --help."""
    parser = argparse.ArgumentParser(
        prog=program, description="Tools beside the service. They are set up by the same environment variables."
    )
    parser.add_argument("--version", action="version", version=VERSION)
    subparsers = parser.add_subparsers(title="commands", metavar="COMMAND", required=True)
    for command in COMMANDS:
        command.add_parser(subparsers)
    args = parser.parse_args(argv)
    try:
        return int(args.run(args))
    except CommandError as error:
        sys.stderr.write(f"{parser.prog}: {error}\n")
        return error.exit_code
