"""The program of ./script/server: start servers, load data, start the service; stop everything at Ctrl-C."""

import signal

# script/server holds Ctrl-C back while Python starts; until our handlers are there, it ends us without a trace.
signal.signal(signal.SIGINT, signal.SIG_DFL)
signal.pthread_sigmask(signal.SIG_UNBLOCK, {signal.SIGINT})

import contextlib
import sys
import time
from collections.abc import Callable
from types import FrameType
from typing import NoReturn

import psycopg2
from psycopg2.extensions import set_wait_callback

from demo.binaries import DemoError
from demo.directory import hold_directory, is_full
from demo.loading import READER
from demo.options import Options, parse_options
from demo.pair import Pair
from demo.postgres import wait_for_postgres
from demo.seed_data import load_seed_data
from demo.shop_seed import DEMO_TOKENS
from demo.web import ServiceProcess, check_port, find_local_host, format_address

STOP_SIGNALS = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)


class Stopped(Exception):
    """A signal asked the demo to end."""


class StopSignals:
    """The first signal stops what runs in its order. One that comes while it stops makes all of it end at once."""

    def __init__(self) -> None:
        self.is_stopping = False
        self.kills: list[Callable[[], None]] = []
        for signum in STOP_SIGNALS:
            signal.signal(signum, self._receive)

    def _receive(self, _signum: int, _frame: FrameType | None) -> None:
        if not self.is_stopping:
            self.is_stopping = True
            raise Stopped
        for kill in self.kills:
            kill()


def main() -> int:
    """Run until a signal; 0 when one came, 1 with a sentence when something failed."""
    options = parse_options()
    set_wait_callback(wait_for_postgres)
    try:
        run_demo(options, StopSignals())
    except Stopped:
        report("Stopped.")
        return 0
    except (DemoError, psycopg2.Error, OSError) as error:
        print(f"script/server: {describe_failure(options, error)}", file=sys.stderr)
    return 1


def describe_failure(options: Options, error: Exception) -> str:
    """Return one sentence: what is the matter, and where more is said."""
    if is_full(options.data, error):
        return f"the disk of {options.data} is full: make room there, or choose another place with --data"
    sentence = (str(error).splitlines() or [type(error).__name__])[0]
    if isinstance(error, psycopg2.Error):
        return f"PostgreSQL failed ({sentence}): see {options.data}/primary.log and {options.data}/standby.log"
    return sentence


def run_demo(options: Options, signals: StopSignals) -> NoReturn:
    """Start one after the other, each with what stops it, and watch; ends by an exception only, with all stopped."""
    check_port(options.host, options.port, "--port")
    check_port(options.host, options.admin_port, "--admin-port")
    with contextlib.ExitStack() as stack:
        try:
            directory = stack.enter_context(hold_directory(options.data, fresh=options.fresh))
            report(f"Starting a PostgreSQL primary and its hot standby in {directory}")
            pair = Pair.create(directory)
            stack.callback(pair.stop, signal.SIGINT)
            signals.kills.append(pair.kill)
            pair.start()
            load_seed_data(pair, report)
            pair.wait_replayed()
            report("Starting the service on the standby")
            service = ServiceProcess(options, pair.standby.url_for(READER))
            stack.callback(service.stop)
            signals.kills.append(service.kill)
            service.wait_ready()
            print_welcome(options)
            watch(pair, service)
        finally:
            signals.is_stopping = True


def watch(pair: Pair, service: ServiceProcess) -> NoReturn:
    """Return never: raise as soon as one of the three processes is gone."""
    while service.is_running and pair.primary.is_running and pair.standby.is_running:
        time.sleep(0.2)
    if not service.is_running:
        raise service.describe("ended")
    ended = pair.standby if pair.primary.is_running else pair.primary
    raise DemoError(f"the {ended.data.name} ended: see {ended.log}")


def print_welcome(options: Options) -> None:
    """Print the addresses, and a line to paste for each token."""
    host = find_local_host(options.host)
    base = f"http://{format_address(host, options.port)}"
    admin = f"http://{format_address(host, options.admin_port)}"
    logs = "\n         ".join(str(options.data / f"{name}.log") for name in ("service", "primary", "standby"))
    report(f"\nAPI      {base}/api/v1/tickets/query\nDocs     {base}/docs")
    report(f"Health   {admin}/readyz\nLogs     {logs}\n")
    for token in DEMO_TOKENS:
        headers = f"-H 'Authorization: Bearer {token.plain_text}' -H 'Content-Type: application/json'"
        report(f"# {token.description}\ncurl -sS {base}/api/v1/tickets/query {headers} -d '{token.body}'\n")
    report("Ctrl-C stops everything.")


def report(line: str) -> None:
    print(line, flush=True)


if __name__ == "__main__":
    sys.exit(main())
