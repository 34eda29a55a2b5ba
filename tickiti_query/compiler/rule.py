"""A rule that must hold for a ticket, beside the conditions it was read from, which an explanation shows."""

from dataclasses import dataclass
from typing import Generic, TypeVar

from tickiti_query.catalogue.predicate import Predicate, join_any

Part = TypeVar("Part")


@dataclass(frozen=True, slots=True)
class Rule(Generic[Part]):
    """One of `alternatives` must hold: conditions or criteria, each with the predicate that it became."""

    alternatives: tuple[tuple[Part, Predicate], ...]

    @property
    def predicate(self) -> Predicate:
        """The predicate that one of the alternatives holds."""
        return join_any([predicate for _, predicate in self.alternatives])
