"""The memory of a pod under the longest answers, within the limit of its manifest: `python -m bench.long_lists`.

Callers of one token ask without pause for 1,000 tickets of 300 participants, 8 MB an answer, each in other words, so
that no two share a read. Beside them a second user polls a short list. Slow readers take 64 KiB in 25 ms. The service
has two workers in a control group with the memory limit of deploy/kubernetes/container/container.yaml. Where no group
may be made, nothing keeps the limit, and the peak is what the processes had.
"""

from __future__ import annotations

import argparse
import contextlib
import http.client
import json
import sys
import time
from collections import Counter
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

from bench.command import run_shop
from bench.pod import MIB, read_memory, watch_peak
from demo.loading import READER
from demo.pair import Pair
from tests.support.long_lists import add_participants
from tests.support.memory_limits import limit_memory, read_manifest_limit
from tests.support.running import COMMAND, Running, wait_until
from tests.support.shop import PATH, PRIYA, TOM

TICKETS = 1000
PIECE = 64 * 1024


def main() -> int:
    """Measure quick readers, then slow ones; fail where a process was killed or a short list was not answered."""
    parser = argparse.ArgumentParser(prog="python -m bench.long_lists", description=__doc__)
    add = parser.add_argument
    add("--participants", type=int, default=300, help="of each ticket (%(default)s)")
    add("--callers", type=int, default=16, help="who ask for long lists (%(default)s)")
    add("--workers", type=int, default=2, help="of the service (%(default)s)")
    add("--seconds", type=float, default=30.0, help="for quick readers, and again for slow ones (%(default)s)")
    add("--limit-mib", type=int, default=read_manifest_limit() // MIB, help="of memory (%(default)s, the manifest's)")
    options = parser.parse_args()
    with run_shop() as (pair, directory), add_participants(pair, TICKETS, options.participants) as perspective:
        return 0 if measure(options, pair, directory, perspective) else 1


def measure(options: argparse.Namespace, pair: Pair, directory: Path, perspective: int) -> bool:
    """Print a line for quick and for slow readers; true where nobody but the long lists' callers was refused."""
    is_well = True
    print(f"{options.workers} workers, {options.limit_mib} MiB, {options.callers} callers")
    for title, pause in (("quick readers", 0.0), ("slow readers", 0.25)):
        with limit_memory(options.limit_mib * MIB) as limit:
            running = Running(
                pair.standby.url_for(READER),
                directory / "log",
                command=limit.wrap(COMMAND) if limit else COMMAND,
                TICKITI_WORKERS=str(options.workers),
                TMPDIR=str(directory),
            )
            try:
                wait_until(running.is_up)
                with watch_peak(running) as peak:
                    long_, short, slowest = load(running, perspective, options.callers, options.seconds, pause)
                print(f"{title}: long lists {describe(long_)}; short lists {describe(short)}, slowest {slowest:.2f} s")
                print(f"  processes: peak {peak[0] / MIB:.0f} MiB, after it {read_memory(running) / MIB:.0f}", end="")
                print(f"; the group: peak {limit.peak_bytes / MIB:.0f}, killed {limit.kills}" if limit else "")
                is_well = is_well and set(short) == {"200"} and set(long_) <= {"200", "503"}
            finally:
                running.end()
                wait_until(lambda: not limit or not limit.processes)
    return is_well


def describe(counts: Counter[str]) -> str:
    return ", ".join(f"{number} × {word}" for word, number in sorted(counts.items()))


def load(
    running: Running, perspective: int, callers: int, seconds: float, pause: float
) -> tuple[Counter[str], Counter[str], float]:
    """Ask for some seconds; return what became of long and of short lists, and the slowest of the short ones."""
    long_, short, times = Counter[str](), Counter[str](), [0.0]
    end = time.monotonic() + seconds

    def repeat(counts: Counter[str], token: str, body: str, pause: float) -> None:
        while time.monotonic() < end:
            began = time.monotonic()
            word = read_answer(running, token, body, pause)
            counts[word] += 1
            if counts is short:
                times.append(time.monotonic() - began)
                time.sleep(0.02)
            elif word != "200":
                time.sleep(0.2)

    with ThreadPoolExecutor(callers + 2) as clients:
        asked = []
        for number in range(callers):
            body = json.dumps({"perspective_id": perspective, "row_limit": TICKETS - number})
            asked.append(clients.submit(repeat, long_, TOM, body, pause))
        asked += [clients.submit(repeat, short, PRIYA, "{}", 0.0) for _ in range(2)]
        for each in asked:
            each.result()
    return long_, short, max(times)


def read_answer(running: Running, token: str, body: str, pause: float) -> str:
    """Return the status of a whole answer, or the reason why it was none."""
    link = http.client.HTTPConnection("127.0.0.1", running.port, timeout=60)
    with contextlib.closing(link):
        try:
            link.request("POST", PATH, body, {"Authorization": f"Bearer {token}", "Content-Type": "application/json"})
            response = link.getresponse()
            while response.read(PIECE if pause else None):
                time.sleep(pause / 10)
        except (OSError, http.client.HTTPException) as fault:
            return type(fault).__name__
        return str(response.status) if not response.length else "short"


if __name__ == "__main__":
    sys.exit(main())
