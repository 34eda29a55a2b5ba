"""The bench world as set-based SQL: every value is a hash of its row's number, so two builds are equal.

`{tickets}` is the number of tickets; ids run with creation time, as they do in a real installation.
"""

from __future__ import annotations

from dataclasses import dataclass

QUEUES = 20
TINY_QUEUE = 20  # about one ticket in ten thousand
STAFF = 200
TINY_USER = 200  # sees the tiny queue alone
ALL_SEEING_USER = 201
HEAVY_USER = 1  # has read every twentieth ticket
TEAMS = 20
WATCHLISTS = 100
TAGS = 200
WORDS = 4000
SENTENCES = 20000
RESPONSES_PER_TICKET = 3

RARE_WORD = "zyxoglypt"  # in one response in a hundred thousand
SCARCE_WORD = "quetzalith"  # in one response in a thousand
COMMON_WORD = "invoice"  # in about one response in four


@dataclass(frozen=True)
class Step:
    """One statement of the build and the words of its progress line."""

    title: str
    sql: str


def draw(key: str, seed: int, bound: int) -> str:
    """SQL for a whole number from 0 to bound - 1, a hash of `key` and `seed`."""
    return f"(hashint8extended({key}, {seed}) & 1073741823) % {bound}"


def draw_unit(key: str, seed: int) -> str:
    """SQL for a number from 0 up to 1, a hash of `key` and `seed`."""
    return f"((hashint8extended({key}, {seed}) & 1073741823) / 1073741824.0::float8)"


def draw_skewed(key: str, seed: int, bound: int, power: float) -> str:
    """SQL for a whole number from 0 to bound - 1, small ones more often the greater `power` is."""
    return f"floor({bound} * power({draw_unit(key, seed)}, {power}))::int"
