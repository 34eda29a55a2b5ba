"""Names that are resolved before a statement is written: the few rows that its writer has to know.

The planner knows how many tickets queue 7 has. It does not know how many tickets "the queue of this name" has. So
names, teams and inboxes are resolved first, in the same snapshot, and the statement is written with the ids. The
planner does not know either how much one person differs from the average; that is resolved where it decides on the
shape of the statement.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import Enum


class Relation(Enum):
    """The kinds of name: from a key to the ids, or e-mail addresses, that it stands for."""

    QUEUES_NAMED = "queues_named"  # name -> queue ids
    TEAMS_OF_EMAIL = "teams_of_email"  # e-mail address -> ids of the person's teams
    MEMBERS_OF_TEAM = "members_of_team"  # team id -> e-mail addresses
    INBOXES_OF_USER = "inboxes_of_user"  # user id -> ids of the queues that are an inbox
    WATCHLISTS_NAMED = "watchlists_named"  # name -> ids of watchlists, whoever may see them
    FEW_PARTICIPATIONS = "few_participations"  # e-mail address -> itself, where it takes part in few tickets


Key = tuple[Relation, str | int]
Found = Mapping[Key, tuple[str | int, ...]]


@dataclass(frozen=True, slots=True)
class ResolvedNames:
    """The ids that names stand for. A name that has not been resolved is noted in `missing`, and stands for nothing.

    A statement that was written while a name was missing must be written again once the name has been resolved.
    """

    found: Found = field(default_factory=dict)
    missing: set[Key] = field(default_factory=set)

    def find(self, relation: Relation, key: str | int) -> tuple[str | int, ...]:
        """Return what `key` stands for, in the order of the ids (or addresses); nothing where no row has it."""
        if (relation, key) not in self.found:
            self.missing.add((relation, key))
            return ()
        return self.found[relation, key]

    def find_ids(self, relation: Relation, key: str | int) -> tuple[int, ...]:
        """Return the ids that `key` stands for, in their order."""
        return tuple(each for each in self.find(relation, key) if isinstance(each, int))
