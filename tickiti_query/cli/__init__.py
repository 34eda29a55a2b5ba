"""The command line, `python -m tickiti_query COMMAND`: a composition root of its own beside the service's.

Where the package is installed, `tickiti-query COMMAND` is the same.

A command is a module with two functions, and an entry in COMMANDS: `add_parser(subparsers)` adds its parser and
makes `run` that parser's default; `run(args)` does the work and answers the exit code. What it cannot go on from
it raises as CommandError: one sentence, and the exit code, 2 where nothing else is said.
"""

import argparse
import sys
from collections.abc import Sequence
from typing import Any, Protocol

from tickiti_query import VERSION
from tickiti_query.cli import check, costs, explain, why
from tickiti_query.cli.session import CommandError

MODULE = "python -m tickiti_query"  # its name where no script of it is installed


class Command(Protocol):
    """The functions of a module that is a command."""

    def add_parser(self, subparsers: Any) -> None: ...
    def run(self, args: argparse.Namespace) -> int: ...


COMMANDS: tuple[Command, ...] = (check, costs, explain, why)


def main(argv: Sequence[str] | None = None, program: str = MODULE) -> int:
    """Run the command that `argv` names; the exit code. SystemExit for usage errors and --help.

    `program` is the name by which the command line was called, for its messages.
    """
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
