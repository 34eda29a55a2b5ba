"""Choices out of drawn byte strings.

Hypothesis spends its time on the number of draws. A whole row from one draw is many times faster than a
draw for each column, and still shrinks well: every byte goes to zero on its own, and zero means the first
of the samples. Every draw is ROW or ROWS, because Hypothesis also makes cases by copying a part of one over
another part, and where such a copy does not fit, all that follows becomes zeros.
"""

from collections.abc import Sequence
from typing import TypeVar

from hypothesis import strategies as st

T = TypeVar("T")


class RandomChoices:
    """Spends one byte on each choice; when they run out, every choice is the first."""

    def __init__(self, data: bytes) -> None:
        self.left = iter(data)

    def next_byte(self) -> int:
        return next(self.left, 0)

    def pick(self, samples: Sequence[T]) -> T:
        """Return one of at most 256 samples, the plainest first; to weigh more, a sample comes twice."""
        return samples[self.next_byte() % len(samples)]


WIDTH = 40
ROW = st.binary(min_size=WIDTH, max_size=WIDTH)
ROWS = st.lists(ROW, max_size=12)
