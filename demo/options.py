"""The options of ./script/server."""

import argparse
from dataclasses import dataclass
from pathlib import Path

from tickiti_query import VERSION

ROOT = Path(__file__).resolve().parents[1]


@dataclass(frozen=True)
class Options:
    host: str
    port: int
    admin_port: int
    data: Path
    fresh: bool


def parse_options() -> Options:
    """Return the command line as Options. End the program where it makes no sense."""
    parser = argparse.ArgumentParser(
        prog="script/server",
        description="Start a PostgreSQL primary with a hot standby, load a running-shoe shop's tickets, "
        "and serve them from the standby. Ctrl-C stops everything.",
    )
    add = parser.add_argument
    add("--host", type=_parse_host, default="127.0.0.1", help="address to listen on (%(default)s)")
    add("--port", type=_parse_port, default=8080, help="port of the API and its docs (%(default)s)")
    add("--admin-port", type=_parse_port, default=9090, help="port of /readyz and /metrics (%(default)s)")
    add("--data", type=Path, default=ROOT / ".demo", metavar="DIR", help="where all data goes (%(default)s)")
    add("--fresh", action="store_true", help="throw the data away and begin anew")
    add("--version", action="version", version=VERSION)
    options = Options(**vars(parser.parse_args()))
    if options.port == options.admin_port:
        parser.error("--port and --admin-port must differ")
    return options


def _parse_host(text: str) -> str:
    return text.removeprefix("[").removesuffix("]")


def _parse_port(text: str) -> int:
    if text.isdecimal() and 1 <= int(text) <= 65535:
        return int(text)
    raise argparse.ArgumentTypeError(f"{text!r} is no port number between 1 and 65535")


if __name__ == "__main__":
    parse_options()
