"""The shop as seed/*.toml describe it: its people, its texts, the saved views and the API tokens."""

import tomllib
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any


@dataclass(frozen=True)
class DemoToken:
    """A token as its owner holds it, and the request that shows what it is for."""

    id: int
    name: str
    description: str
    owner_email: str
    abilities: Sequence[str]
    plain_text: str  # the text behind `Bearer`: the id, a bar, and 40 characters of which the database knows the hash
    body: str


def read_seed_file(name: str) -> dict[str, Any]:
    """Return the content of a file in seed/."""
    return tomllib.loads((Path(__file__).parent / "seed" / f"{name}.toml").read_text("utf-8"))


PEOPLE = read_seed_file("people")
QUEUES: Sequence[str] = PEOPLE["queues"]
TEAMS: Sequence[str] = PEOPLE["teams"]
TEXTS = read_seed_file("texts")
VIEWS: Sequence[dict[str, Any]] = read_seed_file("perspectives")["perspectives"]
DEMO_TOKENS = tuple(DemoToken(**row) for row in read_seed_file("tokens")["tokens"])
