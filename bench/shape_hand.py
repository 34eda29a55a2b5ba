"""Statements written by hand: the fastest ways we know to read the same rows as a shape, to judge the compiler by.

They share nothing with the compiler. Every value is a literal, as a person would put it who looked the names up.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

ROWS = 101
NEWEST = "t.updated_at DESC, t.id DESC"
ID = "t.id DESC"
COLUMNS = {
    "ticket_id": "t.id",
    "number": "t.number",
    "status": "t.status",
    "queue": "q.name",
    "priority": "t.priority::text",
    "subject": "t.subject",
    "assigned_to_email": "t.assigned_to_email",
    "originator_email": "t.originator_email",
    "created_at": "CAST(date_trunc('second', t.created_at) AS text)",
    "updated_at": "CAST(date_trunc('second', t.updated_at) AS text)",
}
UNREAD = "(s.last_read_at IS NULL OR s.last_read_at < COALESCE(t.last_response_at, t.created_at))"
MORE_COLUMNS = {
    "unread": f"{UNREAD} IS TRUE",
    "last_response_at": "CAST(date_trunc('second', t.last_response_at) AS text)",
    "last_read_at": "CAST(date_trunc('second', s.last_read_at) AS text)",
}


def quote(text: str) -> str:
    """A literal."""
    return "'" + text.replace("'", "''") + "'"


def enumerate_literals(values: Iterable[str | int]) -> str:
    """Literals for IN; NULL where there are none."""
    return ", ".join(str(each) if isinstance(each, int) else quote(each) for each in values) or "NULL"


@dataclass(frozen=True)
class Probe:
    """A condition on a relation beside the tickets, there as `x` with its ticket_id."""

    relation: str
    condition: str

    @property
    def exists(self) -> str:
        """As a truth value about ticket `t`."""
        return f"EXISTS (SELECT 1 FROM {self.relation} x WHERE x.ticket_id = t.id AND {self.condition})"


@dataclass(frozen=True)
class Hand:
    """Writes statements for one person: who they are, and what they see (None: everything)."""

    user_id: int
    email: str
    teams: tuple[int, ...]
    inboxes: tuple[int, ...]
    queues: tuple[int, ...] | None

    # What the person is to a ticket.

    @property
    def mine(self) -> list[str]:
        """The assignee keys of the person: the address, and each team."""
        return [self.email.lower(), *(f"team:{team}" for team in self.teams)]

    @property
    def read(self) -> Probe:
        return Probe(
            "ticket_user_states",
            f"x.user_id = {self.user_id} AND x.last_read_at >= COALESCE(t.last_response_at, t.created_at)",
        )

    def state(self, condition: str) -> Probe:
        """A state of the person's."""
        return Probe("ticket_user_states", f"x.user_id = {self.user_id} AND {condition}")

    @property
    def join_state(self) -> str:
        return f"LEFT JOIN ticket_user_states s ON s.ticket_id = t.id AND s.user_id = {self.user_id}"

    # The parts of a statement.

    @property
    def scope(self) -> str:
        seen = "" if self.queues is None else f" AND t.queue_id IN ({enumerate_literals(self.queues)})"
        return f"t.deleted_at IS NULL AND NOT t.is_draft{seen}"

    def select(self, columns: Sequence[str] = ()) -> str:
        return "SELECT " + ", ".join([*COLUMNS.values(), *(MORE_COLUMNS[name] for name in columns)])

    def plain(self, where: str = "TRUE", order: str = NEWEST, join: str = "", columns: Sequence[str] = ()) -> str:
        """One WHERE, one ORDER BY."""
        return (
            f"{self.select(columns)} FROM tickets t JOIN ticket_queues q ON q.id = t.queue_id {join}"
            f" WHERE {self.scope} AND {where} ORDER BY {order} LIMIT {ROWS}"
        )

    def gather(self, ids: str, order: str = NEWEST, where: str = "TRUE") -> str:
        """All matches by their ids, then sorted."""
        return self.plain(f"t.id = ANY (ARRAY({ids})) AND {where}", order)

    def walk(self, probe: Probe, order: str = NEWEST) -> str:
        """Along the order, looking each ticket up, until there are enough."""
        look = f"SELECT 1 FROM {probe.relation} x WHERE x.ticket_id = t.id AND {probe.condition} LIMIT 1"
        return self.plain(order=order, join=f"CROSS JOIN LATERAL ({look}) found")

    def walk_without(self, probe: Probe, order: str = NEWEST) -> str:
        """The same for tickets that have none such."""
        look = f"SELECT 1 AS one FROM {probe.relation} x WHERE x.ticket_id = t.id AND {probe.condition} LIMIT 1"
        return self.plain("found.one IS NULL", order, join=f"LEFT JOIN LATERAL ({look}) found ON TRUE")

    def branches(self, sides: Sequence[str], order: str = NEWEST, where: str = "TRUE") -> str:
        """The top of each side, then the top of these."""
        union = " UNION ALL ".join(
            f"(SELECT t.id FROM tickets t WHERE {self.scope} AND {where} AND {side} ORDER BY {order} LIMIT {ROWS})"
            for side in sides
        )
        return self.plain(f"t.id IN ({union})", order)

    def by_queue(self, where: str = "TRUE", order: str = NEWEST, first: str = "") -> str:
        """The top of each queue, then the top of these; `first` is a key of the queue."""
        seen = "TRUE" if self.queues is None else f"q.id IN ({enumerate_literals(self.queues)})"
        return (
            f"{self.select()} FROM ticket_queues q CROSS JOIN LATERAL (SELECT t.* FROM tickets t"
            f" WHERE t.deleted_at IS NULL AND NOT t.is_draft AND t.queue_id = q.id AND {where}"
            f" ORDER BY {order} LIMIT {ROWS}) t WHERE {seen} ORDER BY {first}{order} LIMIT {ROWS}"
        )

    # All the ways worth trying.

    def on_tickets(self, where: str, *, rare: bool = False) -> list[str]:
        """For a condition on the ticket itself; `rare`: also by gathering all matches."""
        ways = [self.plain(where), self.by_queue(where)]
        if rare:
            ways.append(self.gather(f"SELECT t.id FROM tickets t WHERE {where}"))
        return ways

    def on_satellite(self, probe: Probe) -> list[str]:
        """For a condition on what belongs to the ticket."""
        # The order's own columns are unknown to a gathering that does not read tickets.
        ways = [self.plain(probe.exists), self.walk(probe)]
        if "t." not in probe.condition:
            ids = f"SELECT x.ticket_id FROM {probe.relation} x WHERE {probe.condition}"
            ways += [self.gather(ids), self.plain(f"t.id IN ({ids})")]
        return ways

    def off_satellite(self, probe: Probe) -> list[str]:
        """For its negation."""
        return [self.plain(f"NOT {probe.exists}"), self.walk_without(probe)]

    def on_sides(self, sides: Sequence[str]) -> list[str]:
        """For a disjunction."""
        return [self.plain(f"({' OR '.join(sides)})"), self.branches(sides)]

    def ordered(self, key: str, *, ascending: bool, nullable: bool) -> list[str]:
        """For an order alone."""
        nulls = " NULLS LAST" if nullable and not ascending else ""
        order = f"{key} {'ASC' if ascending else 'DESC'}{nulls}, {ID}"
        ways = [self.plain(order=order)]
        if self.queues is not None and len(self.queues) == 1:
            ways.append(self.gather(f"SELECT t.id FROM tickets t WHERE t.queue_id = {self.queues[0]}", order))
        return ways

    def ordered_by_queue(self, *, ascending: bool) -> list[str]:
        """For the order by the queue's name."""
        first = f'lower(q.name) COLLATE "C" {"ASC" if ascending else "DESC"}, '
        return [self.plain(order=first + ID), self.by_queue(order=ID, first=first)]

    def ordered_by_reading(self, *, ascending: bool) -> list[str]:
        """For the order by the person's last reading: what was read, then the rest."""
        word = "ASC" if ascending else "DESC NULLS LAST"
        final = f"s.last_read_at {'ASC NULLS LAST' if ascending else 'DESC NULLS LAST'}, {ID}"
        read = (
            f"SELECT t.id FROM tickets t JOIN ticket_user_states s ON s.ticket_id = t.id AND s.user_id = {self.user_id}"
            f" WHERE {self.scope} AND s.last_read_at IS NOT NULL ORDER BY s.last_read_at {word}, {ID} LIMIT {ROWS}"
        )
        rest = (
            f"SELECT t.id FROM tickets t {self.join_state}"
            f" WHERE {self.scope} AND s.last_read_at IS NULL ORDER BY {ID} LIMIT {ROWS}"
        )
        return [
            self.plain(f"t.id IN (({read}) UNION ALL ({rest}))", final, self.join_state),
            self.plain(order=final, join=self.join_state),
        ]

    def recently_read(self, columns: Sequence[str] = ()) -> str:
        """Return the statement for the tickets that were read, the latest reading first."""
        return self.plain(
            "s.last_read_at IS NOT NULL", f"s.last_read_at DESC NULLS LAST, {ID}", self.join_state, columns
        )

    def for_attention(self, order: str = NEWEST, columns: Sequence[str] = ()) -> list[str]:
        """The five causes: in one WHERE, and one by one."""
        flagged = self.state("(x.is_retained OR x.unacknowledged_tags > 0)").exists
        takes_part = Probe("ticket_participants", f'lower(x.email) COLLATE "C" = {quote(self.email.lower())}').exists
        sides = [
            f"lower(t.assigned_to_email) IN ({enumerate_literals(self.mine)})",
            flagged,
            f"({takes_part} AND NOT {self.read.exists})",
        ]
        if self.inboxes:
            sides.append(f"t.queue_id IN ({enumerate_literals(self.inboxes)})")
        join = self.join_state if columns else ""
        ways = [self.plain(f"t.status <> 'closed' AND ({' OR '.join(sides)})", order, join, columns)]
        if not columns:
            ways.append(self.branches(sides, order, "t.status <> 'closed'"))
        return ways
