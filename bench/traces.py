"""The cost of traces: CPU of a hit with and without them, on the demo's shop: `python -m bench.traces`."""

from __future__ import annotations

import argparse
import sys
from contextlib import ExitStack
from statistics import median

from bench.command import run_shop
from bench.pod import load
from demo.loading import READER
from tests.support.collector import open_collector
from tests.support.running import Running, wait_until

ROUNDS, SECONDS = 5, 3.0


def main() -> int:
    """Ask two services in turns for what they have in their caches; the medians."""
    argparse.ArgumentParser(prog="python -m bench.traces", description=__doc__).parse_args()
    with ExitStack() as stack:
        pair, folder = stack.enter_context(run_shop())
        endpoint = stack.enter_context(open_collector()).endpoint
        variables = {"without traces": {}, "with traces": {"OTEL_EXPORTER_OTLP_ENDPOINT": endpoint}}
        services: dict[str, Running] = {}
        for name, given in variables.items():
            services[name] = Running(pair.standby.url_for(READER), folder / name, **given)
            stack.callback(services[name].end)
            wait_until(services[name].is_up)
        costs: dict[str, list[float]] = {name: [] for name in services}
        for _ in range(ROUNDS):
            for name, running in services.items():
                answered, cpu, _ = load(running, lambda _: "{}", SECONDS)
                costs[name].append(1000 * cpu / answered)
        for name in services:
            print(f"{name:<16}{median(costs[name]):.2f} ms of CPU a hit")
    return 0


if __name__ == "__main__":
    sys.exit(main())
