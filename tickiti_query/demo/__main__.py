"""The program of ./script/server: start servers, load data, start the service; stop everything at Ctrl-C."""

import contextlib
import json
import signal
import sys
import time
from types import FrameType
from typing import NoReturn

from tickiti_query.demo.binaries import BinariesMissingError
from tickiti_query.demo.directory import hold_directory
from tickiti_query.demo.failure import DemoError
from tickiti_query.demo.loading import READER
from tickiti_query.demo.options import Options, parse_options
from tickiti_query.demo.pair import Pair
from tickiti_query.demo.postgres import ServerError
from tickiti_query.demo.seed_data import load_seed_data
from tickiti_query.demo.tokens import DEMO_TOKENS, DemoToken
from tickiti_query.demo.web import ServiceProcess, check_port, find_local_host

STOP_SIGNALS = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)


class Stopped(Exception):
    """A signal asked the demo to end."""


def main() -> int:
    """Run until a signal; 0 when one came, 1 with a sentence when something failed."""
    options = parse_options()
    for signum in STOP_SIGNALS:
        signal.signal(signum, _raise_stopped)
    try:
        run_demo(options)
    except Stopped:
        report("Stopped.")
        return 0
    except (DemoError, ServerError, BinariesMissingError) as error:
        print(f"script/server: {error}", file=sys.stderr)
    return 1


def run_demo(options: Options) -> NoReturn:
    """Bring everything up and watch over it; ends by an exception only, with everything stopped."""
    check_port(options.host, options.port, "--port")
    check_port(options.host, options.admin_port, "--admin-port")
    with contextlib.ExitStack() as stack:
        directory = stack.enter_context(hold_directory(options.data, fresh=options.fresh))
        report(f"Starting a PostgreSQL primary and its hot standby in {directory}")
        pair = Pair.create(directory)
        stack.callback(pair.stop, signal.SIGINT)
        pair.start()
        load_seed_data(pair, report)
        pair.wait_replayed()
        report("Starting the service on the standby")
        service = ServiceProcess(options, pair.standby.url_for(READER))
        stack.callback(service.stop)
        service.wait_ready()
        print_welcome(options)
        watch(pair, service)


def watch(pair: Pair, service: ServiceProcess) -> NoReturn:
    """Return never: raise as soon as one of the three processes is gone."""
    while service.is_running and pair.primary.is_running and pair.standby.is_running:
        time.sleep(0.2)
    if not service.is_running:
        raise service.describe("ended")
    raise DemoError(f"a PostgreSQL server ended; see the logs in {pair.directory}")


def print_welcome(options: Options) -> None:
    """Print the addresses, and a line to paste for each token."""
    base = f"http://{find_local_host(options.host)}:{options.port}"
    admin = f"http://{find_local_host(options.host)}:{options.admin_port}"
    report(f"\nAPI      {base}/api/v1/tickets/query\nDocs     {base}/docs")
    report(f"Health   {admin}/readyz\nLogs     {options.data}\n")
    for token in DEMO_TOKENS:
        report(f"# {token.description}\n{build_curl(base, token)}\n")
    report("Ctrl-C stops everything.")


def build_curl(base: str, token: DemoToken) -> str:
    body = {} if token.perspective_id is None else {"perspective_id": token.perspective_id}
    return (
        f"curl -sS {base}/api/v1/tickets/query -H 'Authorization: Bearer {token.plain_text}' "
        f"-H 'Content-Type: application/json' -d '{json.dumps(body)}'"
    )


def report(line: str) -> None:
    print(line, flush=True)


def _raise_stopped(_signum: int, _frame: FrameType | None) -> NoReturn:
    """Raise Stopped, once only: a second Ctrl-C must not leave half of what we started behind."""
    for signum in STOP_SIGNALS:
        signal.signal(signum, signal.SIG_IGN)
    raise Stopped


if __name__ == "__main__":
    sys.exit(main())
