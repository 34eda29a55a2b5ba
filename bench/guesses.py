"""Can a refused token be told from another by the time of its 401? `python -m bench.guesses --write` says how well.

gunicorn on an embedded standby, one client on one connection that stays open, every kind of token in a random order.
For each kind: how often its 401 comes later than one for an unknown id, out of all pairs of the two (the
Mann-Whitney U statistic over n * m, which is also the area under the ROC curve of the best guess by time). 50 % is
no better than a coin. `unknown id` is measured twice, as two kinds: what they differ by is chance.
"""

import argparse
import contextlib
import hashlib
import http.client
import math
import random
import statistics
import sys
import tempfile
import time
from collections.abc import Mapping, Sequence
from pathlib import Path

from tests.support.running import Running, wait_until
from tests.support.shop import PATH, PRIYA
from tickiti_query.demo.loading import READER
from tickiti_query.demo.pair import Pair
from tickiti_query.demo.seed_data import load_seed_data

README = Path(__file__).with_name("README.md")
BEGIN, END = "<!-- guesses -->\n", "<!-- /guesses -->"
REFERENCE = "unknown id"
SECRET = "x" * 40
OWN = PRIYA.partition("|")[2]
# kind -> what goes behind `Bearer`; those with the right secret are no guesses
KINDS: Mapping[str, str] = {
    REFERENCE: f"987654|{SECRET}",
    "unknown id, again": f"987655|{SECRET}",
    "wrong secret of a known id": f"1|{SECRET}",
    "wrong secret, its first 39 characters right": f"1|{OWN[:-1]}x",
    "right secret, another's id": f"2|{OWN}",
    "a secret without an id": SECRET,
    "an id that is no number": f"x|{SECRET}",
    "an id beyond 64 bits": f"{'9' * 30}|{SECRET}",
    "no token": "",
    "right secret, expired": f"901|{SECRET[:-3]}901",
    "right secret, inactive owner": f"902|{SECRET[:-3]}902",
}
ROWS = """
INSERT INTO reporting.personal_access_tokens (id, tokenable_id, token, abilities, expires_at)
VALUES (901, 1, %s, '["*"]', '2001-01-01'),
       (902, (SELECT id FROM reporting.users WHERE NOT is_active LIMIT 1), %s, '["*"]', NULL)
"""


def main() -> int:
    """Read the command line, measure, and tell. 1 where a guess tells more than chance."""
    parser = argparse.ArgumentParser(description="Measure what the time of a 401 tells.")
    parser.add_argument("--requests", type=int, default=3000, help="of each kind")
    parser.add_argument("--write", action="store_true", help="put the table into bench/README.md")
    arguments = parser.parse_args()
    with tempfile.TemporaryDirectory(prefix="guesses") as directory, Pair.create(Path(directory)) as pair:
        load_seed_data(pair, lambda _line: None)
        digests = [hashlib.sha256(f"{SECRET[:-3]}{number}".encode()).hexdigest() for number in (901, 902)]
        pair.primary.execute(ROWS, tuple(digests))
        server = Running(
            pair.standby.url_for(READER),
            Path(directory) / "log",
            TICKITI_WORKERS="1",
            TICKITI_LOG_LEVEL="warning",
            TICKITI_RATE_LIMIT="",
        )
        try:
            wait_until(server.is_up)
            seconds = measure(server.port, arguments.requests)
        finally:
            server.end()
    text, is_told = describe(seconds)
    print(text)
    if arguments.write:
        before, rest = README.read_text("utf-8").split(BEGIN)
        README.write_text(before + BEGIN + text + END + rest.split(END)[1], "utf-8")
    return int(is_told)


def measure(port: int, requests: int) -> dict[str, list[float]]:
    """The seconds of `requests` answers of each kind, by kind."""
    order = list(KINDS) * (requests + 50)
    random.Random(1).shuffle(order)
    seconds: dict[str, list[float]] = {kind: [] for kind in KINDS}
    with contextlib.closing(http.client.HTTPConnection("127.0.0.1", port, timeout=30)) as link:
        for kind in order:
            headers = {"Content-Type": "application/json"}
            if KINDS[kind]:
                headers["Authorization"] = f"Bearer {KINDS[kind]}"
            began = time.perf_counter()
            link.request("POST", PATH, "{}", headers)
            response = link.getresponse()
            response.read()
            seconds[kind].append(time.perf_counter() - began)
            if response.status != 401:
                raise RuntimeError(f"{kind}: {response.status}")
    return {kind: values[50:] for kind, values in seconds.items()}


def compare(values: Sequence[float], reference: Sequence[float]) -> float:
    """How often one of `values` is larger than one of `reference`, of all pairs; 0.5 is chance."""
    ranked = sorted([(value, True) for value in values] + [(value, False) for value in reference])
    ranks = sum(rank for rank, (_, is_ours) in enumerate(ranked, 1) if is_ours)
    n, m = len(values), len(reference)
    return (ranks - n * (n + 1) / 2) / (n * m)


def describe(seconds: Mapping[str, Sequence[float]]) -> tuple[str, bool]:
    """The table, and whether one who only guesses is told more than chance tells.

    The bound is four standard errors of the statistic where both are alike: with ten kinds, chance goes beyond it
    once in 1,500 runs.
    """
    reference = seconds[REFERENCE]
    n = len(reference)
    bound = 4 * math.sqrt((2 * n + 1) / (12 * n * n))
    middle = statistics.median(reference)
    lines, is_told = [], False
    for kind, values in seconds.items():
        share = compare(values, reference)
        difference = (statistics.median(values) - middle) * 1e6
        beyond = kind != REFERENCE and abs(share - 0.5) > bound
        is_told |= beyond and not kind.startswith("right secret")
        told = "**yes**" if beyond else "no"
        lines.append(f"| {kind} | {middle * 1e3 + difference / 1e3:.3f} | {difference:+.0f} | {share:.1%} | {told} |")
    head = (
        f"`python -m bench.guesses --write` writes this section: {n:,} answers of each kind, mixed, on one connection"
        " to one worker. *Later* is how often an answer comes later than one for an unknown id, out of all pairs (the"
        " Mann-Whitney U statistic, as a share); 50 % is no better than a coin. A kind is told where it is more than"
        f" {bound:.1%} from that: four standard errors.\n\n"
        "| the token | median ms | µs from an unknown id | later | told |\n|---|---:|---:|---:|---|\n"
    )
    return head + "\n".join(lines) + "\n", is_told


if __name__ == "__main__":
    sys.exit(main())
