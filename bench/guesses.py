"""The time of a 401 for each kind of refused token: `python -m bench.guesses --write`.

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
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from bench.command import run_shop
from bench.results_page import replace_section, write_csv
from demo.loading import READER
from tests.support.running import Running, wait_until
from tests.support.shop import PATH, PRIYA

COLUMNS = ("token", "median_ms", "us_from_unknown_id", "later_percent", "told")
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


@dataclass(frozen=True)
class Kind:
    """The times of one kind of token in seconds, and the share of pairs in which its answer came later."""

    name: str
    median: float
    difference: float
    share: float
    is_told: bool

    @property
    def is_guess(self) -> bool:
        return not self.name.startswith("right secret")

    @property
    def row(self) -> tuple[str, ...]:
        """The row of the raw table, in the order of COLUMNS."""
        figures = f"{self.median * 1e3:.3f}", f"{self.difference * 1e6:+.0f}", f"{self.share:.1%}".rstrip("%")
        return (self.name, *figures, "yes" if self.is_told else "no")

    def __str__(self) -> str:
        return ", ".join(f"{column} {value}" for column, value in zip(COLUMNS, self.row, strict=True))


def main() -> int:
    """Read the command line, measure, and tell. 1 where a guess tells more than chance."""
    parser = argparse.ArgumentParser(
        prog="python -m bench.guesses", description="Measure what the time of a 401 tells."
    )
    parser.add_argument("--requests", type=int, default=3000, help="of each kind")
    parser.add_argument(
        "--write", action="store_true", help="write bench/results/guesses.csv and its section of bench/README.md"
    )
    arguments = parser.parse_args()
    with run_shop(lambda _line: None) as (pair, directory):
        digests = [hashlib.sha256(f"{SECRET[:-3]}{number}".encode()).hexdigest() for number in (901, 902)]
        pair.primary.execute(ROWS, tuple(digests))
        server = Running(
            pair.standby.url_for(READER),
            directory / "log",
            TICKITI_WORKERS="1",
            TICKITI_LOG_LEVEL="warning",
            TICKITI_RATE_LIMIT="",
        )
        try:
            wait_until(server.is_up)
            seconds = measure(server.port, arguments.requests)
        finally:
            server.end()
    kinds, bound = judge(seconds)
    text = render_section(kinds, bound, arguments.requests)
    print("\n".join(str(kind) for kind in kinds), text, sep="\n\n")
    if arguments.write:
        replace_section("guesses", text)
        write_csv("guesses", COLUMNS, (kind.row for kind in kinds))
    return int(any(kind.is_told and kind.is_guess for kind in kinds))


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
    """Return the share of all pairs in which one of `values` is larger than one of `reference`; 0.5 is chance."""
    ranked = sorted([(value, True) for value in values] + [(value, False) for value in reference])
    ranks = sum(rank for rank, (_, is_ours) in enumerate(ranked, 1) if is_ours)
    n, m = len(values), len(reference)
    return (ranks - n * (n + 1) / 2) / (n * m)


def judge(seconds: Mapping[str, Sequence[float]]) -> tuple[list[Kind], float]:
    """Return what the times tell of each kind, and the distance from 0.5 beyond which a kind is told.

    The distance is four standard errors of the statistic where both are alike: with ten kinds, chance goes beyond it
    once in 1,500 runs.
    """
    reference = seconds[REFERENCE]
    n = len(reference)
    bound = 4 * math.sqrt((2 * n + 1) / (12 * n * n))
    middle = statistics.median(reference)
    kinds = []
    for name, values in seconds.items():
        share = compare(values, reference)
        is_told = name != REFERENCE and abs(share - 0.5) > bound
        kinds.append(Kind(name, statistics.median(values), statistics.median(values) - middle, share, is_told))
    return kinds, bound


def render_section(kinds: Sequence[Kind], bound: float, requests: int) -> str:
    """Return the section of bench/README.md: the kind of each group whose times differ most from an unknown id's."""
    lines = [
        (
            f"{requests:,} answers of each kind, in a random order, on one connection to one worker. A kind is told"
            f" apart where its share is more than {bound:.1%} from 50 %."
        ),
        "",
        "| tokens | kinds | told apart | the kind farthest from 50 % | its share |",
        "|---|---:|---:|---|---:|",
    ]
    for title, is_guess in (("a stranger can guess", True), ("with the right secret", False)):
        group = [kind for kind in kinds if kind.is_guess == is_guess and kind.name != REFERENCE]
        worst = max(group, key=lambda kind: abs(kind.share - 0.5))
        told = sum(kind.is_told for kind in group)
        lines.append(f"| {title} | {len(group)} | {told} | {worst.name} | {worst.share:.1%} |")
    return "\n".join(lines)


if __name__ == "__main__":
    sys.exit(main())
