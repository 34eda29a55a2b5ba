"""The users of a request: the acting user, and the user that a perspective is read as."""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class User:
    """A Tickiti user, as far as a condition can mean one: `me`, reading states, watchlists, inboxes."""

    id: int
    email: str


@dataclass(frozen=True, slots=True)
class Actor:
    """The acting user of a request: the owner of its token.

    `queues` are the ids of the visible queues in ascending order; None stands for all of them, which only
    `sees_all_queues` grants (PERSPECTIVES.md, "What is always filtered out").
    """

    user: User
    is_staff: bool
    queues: tuple[int, ...] | None
