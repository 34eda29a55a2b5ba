"""The command line, `python -m tickiti_query COMMAND`: a composition root of its own beside the service's.

A command is a module and an entry in COMMANDS. Its HELP, DESCRIPTION, EPILOG and ARGUMENTS make its parser; `run(args)`
does the work and returns the exit code. What it cannot go on from it raises as CommandError: one sentence, and the
exit code.
"""

import argparse
import sys
from collections.abc import Sequence
from typing import Any

from tickiti_query import VERSION
from tickiti_query.cli import check, costs, explain, why
from tickiti_query.cli.session import CommandError

MODULE = "python -m tickiti_query"  # its name where no script of it is installed
COMMANDS = {"check": check, "costs": costs, "explain": explain, "why": why}


def add_commands(subparsers: Any) -> None:
    """Add a parser for each command."""
    for name, command in COMMANDS.items():
        described = {"help": command.HELP, "description": command.DESCRIPTION, "epilog": command.EPILOG}
        parser = subparsers.add_parser(name, **described)
        for argument, options in command.ARGUMENTS.items():
            parser.add_argument(argument, **options)
        parser.set_defaults(run=command.run)


def main(argv: Sequence[str] | None = None, program: str = MODULE) -> int:
    """Run the command that `argv` names, and return the exit code. Raise SystemExit for usage errors and --help."""
    parser = argparse.ArgumentParser(
        prog=program, description="Tools beside the service. They are set up by the same environment variables."
    )
    parser.add_argument("--version", action="version", version=VERSION)
    add_commands(parser.add_subparsers(title="commands", metavar="COMMAND", required=True))
    args = parser.parse_args(argv)
    try:
        return int(args.run(args))
    except CommandError as error:
        sys.stderr.write(f"{program}: {error}\n")
        return error.exit_code
