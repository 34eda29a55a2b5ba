"""Two sides that are measured in turns: who comes first in a round, medians, and the ratio of a round."""

from __future__ import annotations

import statistics
from collections.abc import Sequence
from dataclasses import dataclass
from typing import TypeVar

from bench.load_report import write_figure

Side = TypeVar("Side")


@dataclass(frozen=True)
class Comparison:
    """A measure of both sides: a figure of each round, of the first and of the second side."""

    name: str
    firsts: tuple[float, ...]
    seconds: tuple[float, ...]

    @property
    def medians(self) -> tuple[float, float]:
        """The median of the rounds, of each side."""
        return statistics.median(self.firsts), statistics.median(self.seconds)

    @property
    def ratios(self) -> list[float]:
        """First to second side, of each round; a round in which the second had nothing has none."""
        return [one / other for one, other in zip(self.firsts, self.seconds, strict=True) if other]

    @property
    def ratio(self) -> float | None:
        """The median of the rounds' ratios: what the machine does meanwhile falls on both sides of a round."""
        return statistics.median(self.ratios) if self.ratios else None

    def render(self) -> str:
        """A line of the table."""
        first, second = map(write_figure, self.medians)
        if self.ratio is None:
            return f"| {self.name} | {first} | {second} | | |"
        span = f"{min(self.ratios):.3f} to {max(self.ratios):.3f}"
        return f"| {self.name} | {first} | {second} | {self.ratio:.3f} | {span} |"


def take_turns(sides: tuple[Side, Side], number: int) -> tuple[Side, Side]:
    """The sides in the order of a round: the first begins in rounds 1, 3, 5 and so on."""
    return sides if number % 2 else (sides[1], sides[0])


def render_table(titles: tuple[str, str], comparisons: Sequence[Comparison]) -> str:
    """A table of all measures, with the ratio of the first side to the second."""
    first, second = titles
    return "\n".join(
        [
            f"| | {first} | {second} | {first} : {second}, median of the rounds | lowest to highest |",
            "|---|---:|---:|---:|---:|",
            *(comparison.render() for comparison in comparisons),
        ]
    )
