"""The needs of a pod: memory and CPU of gunicorn and its worker, on the demo's shop: `python -m bench.pod`.

The numbers in deploy/kubernetes/container/container.yaml come from here.
"""

from __future__ import annotations

import argparse
import json
import os
import random
import sys
import threading
import time
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager, suppress
from itertools import count
from pathlib import Path

from bench.command import run_shop
from demo.loading import READER
from tests.support.memory_limits import sum_memory
from tests.support.metrics_page import scrape
from tests.support.processes import list_children
from tests.support.running import Running, wait_until
from tests.support.shop import PRIYA

CLIENTS = 16
LONGEST_SECONDS = 90.0
TICK = os.sysconf("SC_CLK_TCK")
MIB = 2**20
CACHE_BYTES = 64 * MIB  # TICKITI_CACHE_MAX_BYTES


def main() -> int:
    """Start the service as a pod does, and measure it at rest, while its caches fill, and on hits."""
    argparse.ArgumentParser(prog="python -m bench.pod", description=__doc__).parse_args()
    with run_shop() as (pair, directory):
        running = Running(pair.standby.url_for(READER), directory / "log", TMPDIR=str(directory))
        try:
            wait_until(running.is_up)
            print(f"{'':<44}{'MiB':>6}")
            print(f"{'ready, nothing asked':<44}{read_memory(running) / MIB:>6.0f}")
            with watch_peak(running) as peak:
                fill_caches(running)
            print(f"{f'peak: {CLIENTS} clients, long answers, full caches':<44}{peak[0] / MIB:>6.0f}")
            print(f"{'after it':<44}{read_memory(running) / MIB:>6.0f}")
            for title, body in (("hits", lambda _: "{}"), ("misses", ask_anew)):
                answered, cpu, seconds = load(running, body, 10.0)
                print(
                    f"{title}: {answered / seconds:,.0f}/s on {cpu / seconds:.2f} cores,"
                    f" {1000 * cpu / answered:.2f} ms of CPU each"
                )
        finally:
            running.end()
    return 0


def list_processes(running: Running) -> list[int]:
    """gunicorn and its worker."""
    return [running.process.pid, *list_children(running.process.pid)]


def read_memory(running: Running) -> int:
    """Bytes of all of them."""
    return sum_memory(list_processes(running))


def read_cpu(running: Running) -> float:
    """Seconds of CPU that they have used."""
    return sum(count_cpu(list_processes(running)).values())


def count_cpu(processes: Iterable[int]) -> dict[int, float]:
    """Seconds of CPU that each process has used; one that has ended is left out."""
    seconds = {}
    for process in processes:
        with suppress(FileNotFoundError, ProcessLookupError):
            fields = Path(f"/proc/{process}/stat").read_text("ascii").rpartition(")")[2].split()
            seconds[process] = (int(fields[11]) + int(fields[12])) / TICK
    return seconds


@contextmanager
def watch_peak(running: Running) -> Iterator[list[int]]:
    """The most memory of the time that the block takes."""
    peak, ended = [0], threading.Event()

    def watch() -> None:
        while not ended.wait(0.05):
            peak[0] = max(peak[0], read_memory(running))

    watcher = threading.Thread(target=watch)
    watcher.start()
    try:
        yield peak
    finally:
        ended.set()
        watcher.join()


def fill_caches(running: Running) -> None:
    """Ask for long answers, each another one, until the caches hold what they may."""
    limits = count(5000, -1)
    deadline = time.monotonic() + LONGEST_SECONDS

    def ask() -> None:
        while not is_full(running) and time.monotonic() < deadline:
            for _ in range(4):
                status, _ = running.ask(PRIYA, json.dumps({"row_limit": next(limits)}))
                if status != 200:
                    raise RuntimeError(status)

    with ThreadPoolExecutor(CLIENTS) as clients:
        for client in [clients.submit(ask) for _ in range(CLIENTS)]:
            client.result()


def is_full(running: Running) -> bool:
    """Return whether the caches are within an answer or two of their bound."""
    return scrape(running).sum("cache_bytes") > 0.95 * CACHE_BYTES


def ask_anew(number: int) -> str:
    """A body that nobody has sent before."""
    tokens = [f"{number} {random.random()}"]
    return json.dumps({"search_object": {"criteria": [{"mode": "subject", "tokens": tokens}]}})


def load(running: Running, make_body: Callable[[int], str], seconds: float) -> tuple[int, float, float]:
    """Answers, seconds of CPU and seconds, of some clients that ask as fast as they can."""
    numbers, end = count(), time.monotonic() + seconds

    def ask() -> int:
        answered = 0
        while time.monotonic() < end:
            answered += running.ask(PRIYA, make_body(next(numbers)))[0] == 200
        return answered

    cpu, began = read_cpu(running), time.monotonic()
    with ThreadPoolExecutor(CLIENTS) as clients:
        answered = sum(client.result() for client in [clients.submit(ask) for _ in range(CLIENTS)])
    return answered, read_cpu(running) - cpu, time.monotonic() - began


if __name__ == "__main__":
    sys.exit(main())
