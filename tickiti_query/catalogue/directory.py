"""What names stand for: the few rows that a statement's writer has to know before it is written.

The planner knows how many tickets queue 7 has, and nothing of how many "the queue that is named so" has. So names,
teams and inboxes are looked up first, in the same snapshot, and the statement is written with what was found. It knows
nothing either of how much one person differs from the average; that is looked up where it decides on the shape.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import Enum


class Relation(Enum):
    """What can be looked up: from a key to the ids, or e-mail addresses, that it stands for."""

    QUEUES_NAMED = "queues_named"  # name -> queue ids
    TEAMS_OF_EMAIL = "teams_of_email"  # e-mail address -> ids of the person's teams
    MEMBERS_OF_TEAM = "members_of_team"  # team id -> e-mail addresses
    INBOXES_OF_USER = "inboxes_of_user"  # user id -> ids of the queues that are an inbox
    WATCHLISTS_NAMED = "watchlists_named"  # name -> ids of watchlists, whoever may see them
    FEW_PARTICIPATIONS = "few_participations"  # e-mail address -> itself, where it takes part in few tickets


Key = tuple[Relation, str | int]
Found = Mapping[Key, tuple[str | int, ...]]


@dataclass(frozen=True, slots=True)
class Directory:
    """Answers look-ups; what it does not know yet, it notes in `missing` and takes for nothing.

    A statement written while something was missing must be written again once it has been looked up.
    """

    found: Found = field(default_factory=dict)
    missing: set[Key] = field(default_factory=set)

    def find(self, relation: Relation, key: str | int) -> tuple[str | int, ...]:
        """What `key` stands for, in the order of the ids (or addresses); empty where it is nobody's."""
        if (relation, key) not in self.found:
            self.missing.add((relation, key))
            return ()
        return self.found[relation, key]

    def find_ids(self, relation: Relation, key: str | int) -> tuple[int, ...]:
        """The same, where it is ids."""
        return tuple(each for each in self.find(relation, key) if isinstance(each, int))
