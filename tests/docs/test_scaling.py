"""docs/scaling.md counts connections as the service opens them."""

import re
from pathlib import Path

from config.settings import Settings

TEXT = (Path(__file__).parents[2] / "docs" / "scaling.md").read_text("utf-8")


def test_the_arithmetic_of_connections_is_that_of_the_settings() -> None:
    settings = Settings(replica_url="postgresql://x")
    sum_ = re.search(r"^ +(\d+) +× +(\d+) +× +\((\d+) \+ 2\) = (\d+) ≤ +(\d+) +− +(\d+) +− +(\d+)$", TEXT, re.MULTILINE)
    assert sum_
    pods, workers, threads, product, most, reserved, others = map(int, sum_.groups())
    assert (workers, threads) == (settings.workers, settings.threads)
    assert pods * workers * settings.connections == product <= most - reserved - others
