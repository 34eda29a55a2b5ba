"""Random interleavings of commits on the primary and reads through gunicorn on the standby, told as a scenario.

Every step is understood from one drawn row of bytes, over the world as it is then: whatever the bytes are and
whichever steps are left out, the rest makes sense. The world is kept in memory beside the one in the database.
"""

import hashlib
import http.client
import json
import threading
import time
from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import datetime
from itertools import count, dropwhile
from typing import Any

from psycopg2 import sql
from psycopg2.extras import Json

from demo.loading import load_world
from tests.oracle import sample_values
from tests.oracle.drawn_bodies import build_body
from tests.oracle.drawn_perspectives import (
    COLUMNS,
    ORDERS,
    build_conditions,
    build_perspectives,
    list_value_samples,
)
from tests.oracle.evaluator import Answer, evaluate, find_user
from tests.oracle.example import ANN, BOB, CLEO, MINE, ROOT, make_world
from tests.oracle.random_choices import RandomChoices
from tests.oracle.scenario import describe_scenario, write
from tests.oracle.values import Row, World
from tests.support.difference import find_difference
from tests.support.running import SECONDS, Running
from tests.support.servers import clear_world
from tests.support.shop import PATH

SCHEMA = READER = "interleavings"
WORKERS = 2
MET_SECONDS = 30.0  # shorter than a kept connection may be idle
EDITH = 5

# What a token may hold, and whether it opens the door to a caller on this host.
ABILITIES = {
    '["tickets:read"]': True, '["tickets:write"]': True, '["*"]': True, '["a", "tickets:read"]': True,
    '["queues:read"]': False, "[]": False, None: False, "tickets:read": False,
}  # fmt: skip
ADDRESSES = {
    None: True, "127.0.0.1": True, "10.1.2.3, 127.0.0.0/8": True, "10.0.0.0/8": False, "": False,
}  # fmt: skip
LONG_AGO = datetime.fromisoformat("2020-01-01 00:00:00")
ENDS = {None: True, LONG_AGO: False, datetime.fromisoformat("2999-01-01 00:00:00"): True}


def secret_of(token_id: int, issue: int = 0) -> str:
    """A token's secret; it may be issued anew."""
    return f"secret-{issue}-of-{token_id}"


def digest(secret: str) -> str:
    return hashlib.sha256(secret.encode()).hexdigest()


def a_token(token_id: int, user_id: int, **changes: Any) -> Row:
    row: Row = {"id": token_id, "tokenable_id": user_id, "token": digest(secret_of(token_id))}
    row |= {"abilities": '["tickets:read"]', "allowed_ip": None, "expires_at": None, "created_at": None}
    return row | changes


def make_start() -> World:
    """The world of the hand-worked cases, with a token for everybody that has the id of its owner."""
    world = make_world()
    world["personal_access_tokens"] = [a_token(user["id"], user["id"]) for user in world["users"]]
    world["responses"] = [{**row, "id": number} for number, row in enumerate(world["responses"], 1)]
    return world


# The changes -----------------------------------------------------------------------------------------------

KEYS: dict[str, tuple[str, ...]] = {
    "queue_permissions": ("user_id", "queue_id"),
    "team_members": ("team_id", "user_id"),
    "ticket_participants": ("ticket_id", "email"),
    "ticket_hashtags": ("ticket_id", "tag"),
    "watchlist_tickets": ("watchlist_id", "ticket_id"),
    "ticket_user_states": ("ticket_id", "user_id"),
    "perspective_conditions": ("perspective_id", "position"),
    "perspective_orders": ("perspective_id", "position"),
    "perspective_columns": ("perspective_id", "position"),
}
USER_IDS = (ANN, BOB, CLEO, ROOT, EDITH)
TICKET_IDS = tuple(range(1, 13))
QUEUE_IDS = (1, 2, 3, 4)
PERSPECTIVE_IDS = (MINE, *sample_values.IDS)
NEW_TOKEN_IDS = (6, 7)
EMAILS = ("ann@x.io", "Bob@x.io", "cleo@y.io", "root@x.io", "BOB@X.io", "zoe@y.io")
ASSIGNEES = (None, "ann@x.io", "bob@x.io", "team:7", "team:8", "ROOT@x.io")
FLAG = (False, True)

# table -> column -> what it may become; a function makes it of the row, where no two rows may have the same.
CHOICES: dict[str, dict[str, Sequence[Any]]] = {
    "tickets": {
        "id": TICKET_IDS,
        "number": (lambda row: 220010 - row["id"], lambda row: 220100 + row["id"]),
        "subject": ("a", "Carbon", "b", "Été", "100%"),
        "status": sample_values.STATUSES,
        "priority": sample_values.PRIORITIES,
        "queue_id": (1, 2, 1, 2, 3, 99),
        "assigned_to_email": ASSIGNEES,
        "originator_email": EMAILS,
        "resolution": sample_values.RESOLUTIONS,
        "on_hold_until": sample_values.DAYS_OR_NONE,
        "last_responder_email": (None, *EMAILS),
        "last_response_at": sample_values.MOMENTS_OR_NONE,
        "response_count": (0, 1, 2),
        "is_draft": (False, False, True),
        "created_at": sample_values.MOMENTS,
        "updated_at": sample_values.MOMENTS,
        "deleted_at": (None, None, sample_values.MOMENTS[0]),
    },
    "responses": {
        "id": tuple(range(1, 8)),
        "ticket_id": TICKET_IDS[:9],
        "plain_text": ("a", "The sole came off", "b", "É"),
        "is_internal": FLAG,
        "created_by_email": EMAILS,
        "created_at": sample_values.MOMENTS,
        "deleted_at": (None, sample_values.MOMENTS[0]),
    },
    "queue_permissions": {
        "user_id": USER_IDS,
        "queue_id": QUEUE_IDS,
        "can_view": (True, True, False),
        "can_manage": FLAG,
        "can_delete": FLAG,
        "treat_as_inbox": FLAG,
    },
    "personal_access_tokens": {
        "id": (*USER_IDS, *NEW_TOKEN_IDS),
        "tokenable_id": (*USER_IDS, 99),
        "token": (lambda row: digest(secret_of(row["id"])), lambda row: digest(secret_of(row["id"], 1))),
        "abilities": tuple(ABILITIES),
        "allowed_ip": (None, None, *ADDRESSES),
        "expires_at": (None, *ENDS),
        "created_at": (None,),
    },
    "users": {
        "id": (*USER_IDS, 6),
        "name": ("Ann", "Bob", "Zoe"),
        "email": tuple((lambda row, form=form: form.format(row["id"])) for form in ("u{}@x.io", "U{}@Y.io")),
        "is_staff": FLAG,
        "is_active": (True, True, False),
        "sees_all_queues": (False, False, True),
    },
    "ticket_queues": {
        "id": QUEUE_IDS,
        "name": (lambda row: f"Queue {row['id']}", lambda row: f"queue {row['id']}"),
        "is_parked": FLAG,
    },
    "team_members": {"team_id": (7, 8), "user_id": USER_IDS},
    "ticket_participants": {"ticket_id": TICKET_IDS[:9], "email": EMAILS},
    "ticket_hashtags": {"ticket_id": TICKET_IDS[:9], "tag": sample_values.TAGS},
    "watchlists": {
        "id": (1, 2, 3, 4, 5),
        "name": ("Hot", "hot", "1"),
        "owner_id": (ANN, BOB, None),
        "shared": FLAG,
    },
    "watchlist_tickets": {"watchlist_id": (1, 2, 3, 4), "ticket_id": TICKET_IDS[:9], "position": (0, 1)},
    "ticket_user_states": {
        "ticket_id": TICKET_IDS[:9],
        "user_id": USER_IDS,
        "last_read_at": sample_values.MOMENTS_OR_NONE,
        "is_retained": FLAG,
        "unacknowledged_tags": (0, 1),
    },
    "perspectives": {
        "id": PERSPECTIVE_IDS,
        "name": ("Mine", "All", "mine"),
        "description": (None,),
        "display_mode": ("card", "table"),
        "is_builtin": (False, False, True),
        "owner_id": (ANN, BOB, ROOT),
        "shared": FLAG,
        "impersonate_user_id": (None, None, *USER_IDS, 99),
        "show_in_crm": FLAG,
    },
    "perspective_conditions": {"perspective_id": PERSPECTIVE_IDS, "position": (9, 8, 7)},
    "perspective_orders": {
        "perspective_id": PERSPECTIVE_IDS,
        "position": (9, 8),
        "field": (*ORDERS, "id"),
        "ascending": FLAG,
    },
    "perspective_columns": {
        "perspective_id": PERSPECTIVE_IDS,
        "position": (9, 8),
        "field": (*COLUMNS, "retain"),
    },
}
# What decides who sees what changes more often than the rest.
TABLES = (
    *["tickets"] * 6, *["queue_permissions"] * 3, *["personal_access_tokens"] * 3, *["users"] * 2,
    *["perspectives", "perspective_conditions", "ticket_user_states", "responses"] * 2, *CHOICES,
)  # fmt: skip


@dataclass(frozen=True)
class Change:
    """A row that becomes another, comes (`before` is None) or goes (`after` is None)."""

    table: str
    before: Row | None
    after: Row | None

    @property
    def key(self) -> Row:
        row = self.before or self.after or {}
        return {column: row[column] for column in KEYS.get(self.table, ("id",))}

    @property
    def news(self) -> Row:
        """The columns that differ afterwards."""
        before, after = self.before or {}, self.after or {}
        return {name: value for name, value in after.items() if name not in before or before[name] != value}

    def apply(self, world: World) -> World:
        rows = [row for row in world[self.table] if row != self.before]
        return {**world, self.table: [*rows, self.after] if self.after else rows}

    def tell(self) -> str:
        name = f"{self.table} {write(list(self.key.values()))}"
        if self.before is None:
            return f"{name} comes: {write(self.after)}"
        if self.after is None:
            return f"{name} goes"
        columns = [
            f"{column} {write(self.before[column])} becomes {write(value)}" for column, value in self.news.items()
        ]
        return f"{name}: {', '.join(columns)}"

    def execute(self, cursor: Any) -> None:
        """Do it in the database, to exactly one row."""
        table = sql.Identifier(SCHEMA, self.table)
        where = sql.SQL(" AND ").join(sql.SQL("{} = %s").format(sql.Identifier(name)) for name in self.key)
        names = [sql.Identifier(name) for name in self.news]
        values = [Json(value) if name == "value" else value for name, value in self.news.items()]
        if self.before is None:
            places = sql.SQL(", ").join([sql.Placeholder()] * len(names))
            text = sql.SQL("INSERT INTO {} ({}) VALUES ({})")
            cursor.execute(text.format(table, sql.SQL(", ").join(names), places), values)
        elif self.after is None:
            cursor.execute(sql.SQL("DELETE FROM {} WHERE {}").format(table, where), [*self.key.values()])
        else:
            news = sql.SQL(", ").join(sql.SQL("{} = %s").format(name) for name in names)
            text = sql.SQL("UPDATE {} SET {} WHERE {}")
            cursor.execute(text.format(table, news, where), [*values, *self.key.values()])
        assert cursor.rowcount == 1, self.tell()


def draw_row(rng: RandomChoices, table: str, world: World, known: Mapping[str, Any]) -> Row:
    """A row; the columns in `known` are given."""
    row: Row = dict(known)
    for column, choices in CHOICES[table].items():
        drawn = rng.pick(choices)
        row.setdefault(column, drawn(row) if callable(drawn) else drawn)
    if table == "perspective_conditions":
        plain = {"field": "status", "operator": "is", "value": "open"}
        row |= next(iter(build_conditions(rng, list_value_samples(world))), plain)
    return row


def draw_change(rng: RandomChoices, world: World) -> Change | None:
    """A column of a row changes, or a row comes or goes; None where nothing would be different."""
    table, kind = rng.pick(TABLES), rng.pick(("change", "change", "change", "come", "go"))
    rows = world[table]
    keys = KEYS.get(table, ("id",))
    if kind == "come" or not rows:
        drawn = draw_row(rng, table, world, {})
        before = next((row for row in rows if all(row[key] == drawn[key] for key in keys)), None)
        if before is None:
            return Change(table, None, drawn)
    else:
        before = rng.pick(rows)
        if kind == "go":
            return Change(table, before, None)
        drawn = draw_row(rng, table, world, {key: before[key] for key in keys})
    news = Change(table, before, drawn).news
    if not news:
        return None
    if table != "perspective_conditions":  # field, operator and value belong together
        column = rng.pick(list(news))
        news = {column: news[column]}
    return Change(table, before, {**before, **news})


def draw_changes(rng: RandomChoices, world: World) -> list[Change]:
    """The changes of one commit, each over what the one before has left. There may be none."""
    changes = []
    for _ in range(rng.pick((1, 1, 1, 2, 3))):
        change = draw_change(rng, world)
        if change is not None:
            changes.append(change)
            world = change.apply(world)
    return changes


# The questions ---------------------------------------------------------------------------------------------


@dataclass(frozen=True)
class Question:
    """A question and its token. `has_id`: the token is written with its id."""

    token_id: int
    issue: int
    has_id: bool
    text: bytes

    @property
    def body(self) -> Any:
        return json.loads(self.text)

    @property
    def secret(self) -> str:
        return secret_of(self.token_id, self.issue)

    @property
    def headers(self) -> dict[str, str]:
        bearer = f"{self.token_id}|{self.secret}" if self.has_id else self.secret
        return {"Authorization": f"Bearer {bearer}", "Content-Type": "application/json"}

    def tell(self) -> str:
        issue = " by its second secret" * self.issue
        return f"token {self.token_id}{issue} asks {self.text.decode()}"


def find_token(world: World, question: Question) -> Row | None:
    """The row that the question's token is, whether or not it opens anything."""
    for row in world["personal_access_tokens"]:
        if row["token"] == digest(question.secret) and (row["id"] == question.token_id or not question.has_id):
            return row
    return None


def expect(world: World, question: Question) -> Answer:
    """Return the right answer: by the rules of tokens, and then by the oracle."""
    token = find_token(world, question)
    owner = find_user(world, token["tokenable_id"]) if token else None
    if token is None or owner is None or not owner["is_active"] or not ENDS[token["expires_at"]]:
        return Answer(401, "unauthenticated")
    if not ABILITIES[token["abilities"]] or not ADDRESSES[token["allowed_ip"]]:
        return Answer(403, "forbidden")
    return evaluate(world, owner["id"], question.body)


def tell_moment(world: World, question: Question) -> str:
    """The world as far as the question sees it."""
    token = find_token(world, question)
    if token is None or find_user(world, token["tokenable_id"]) is None:
        return f"The token is {write(token)}, and nobody's."
    return f"The token is {write(token)}.\n{describe_scenario(world, token['tokenable_id'], question.body)}"


@dataclass(frozen=True)
class Found:
    """An answer that came back."""

    status: int
    body: Any
    headers: Any

    @property
    def cache_status(self) -> str:
        return str(self.headers["Cache-Status"])

    @property
    def is_hit(self) -> bool:
        return "; hit" in self.cache_status

    def tell(self) -> str:
        if self.status != 200:
            return f"{self.status} {self.body.get('error')}"
        way = "a hit" if self.is_hit else "a miss"
        return f"the tickets {[row['ticket_id'] for row in self.body['data']]}, {way}"


def find_fault(answer: Answer, found: Found) -> str | None:
    """Return the difference of what came back from what is expected, or None."""
    return find_difference(answer, found.status, found.body, found.headers)


class Door:
    """A caller's connection to the service; one that is not kept is a new one for each request."""

    def __init__(self, port: int, *, keep: bool, headers: Mapping[str, str] | None = None) -> None:
        self._link = http.client.HTTPConnection("127.0.0.1", port, timeout=SECONDS)
        self._keep = keep
        self._headers = dict(headers or {})

    def ask(self, question: Question) -> Found:
        self.send(question)
        return self.receive()

    def send(self, question: Question) -> None:
        self._link.request("POST", PATH, question.text, {**question.headers, **self._headers})

    def receive(self) -> Found:
        """Return the answer to what was sent."""
        response = self._link.getresponse()
        found = Found(response.status, json.loads(response.read()), response.headers)
        if not self._keep:
            self._link.close()
        return found

    def close(self) -> None:
        self._link.close()


def open_new_door(port: int) -> Door:
    """One that closes after each answer, and says so."""
    return Door(port, keep=False, headers={"Connection": "close"})


def ask_at_once(port: int, questions: Sequence[Question]) -> list[Found]:
    """The answers to questions that are sent at the same moment, each from a thread and a connection of its own."""
    gate = threading.Barrier(len(questions))

    def ask(question: Question) -> Found:
        gate.wait(SECONDS)
        return open_new_door(port).ask(question)

    with ThreadPoolExecutor(len(questions)) as threads:
        return list(threads.map(ask, questions))


@contextmanager
def send_all(port: int, questions: Sequence[Question]) -> Iterator[list[Door]]:
    """Doors on which a question each was sent, and no answer was received yet."""
    doors = [open_new_door(port) for _ in questions]
    try:
        for door, question in zip(doors, questions, strict=True):
            door.send(question)
        yield doors
    finally:
        for door in doors:
            door.close()


# The tale --------------------------------------------------------------------------------------------------


class Environment:
    """A database with the world in it, two connections to write with, and the service's doors."""

    def __init__(self, primary: Any, second: Any, running: Running, *, has_cache: bool = True) -> None:
        self.primary, self.second, self.running, self.has_cache = primary, second, running, has_cache
        self.port = running.port
        self.kept: dict[str, Door] = {}
        self.tales = 0
        self._probes = count(1)
        self._met_at = float("-inf")

    def load(self, world: World) -> None:
        """Replace the world; it is on the standby when this returns."""
        self.second.rollback()
        clear_world(self.primary, SCHEMA)
        load_world(self.primary, world, SCHEMA)

    def meet_workers(self) -> None:
        """One kept connection to each worker: what one has stored, another has to miss.

        It loads a world in which nothing is broken. Connections are met anew before they are idle for too long.
        """
        if time.monotonic() - self._met_at < MET_SECONDS:
            return
        self.close()
        self.load(make_start())
        for name in "AB"[:WORKERS]:
            self.kept[name] = self._meet_another()
        self._met_at = time.monotonic()

    def _meet_another(self) -> Door:
        for _ in range(200):
            question = Question(ROOT, 0, True, json.dumps({"row_limit": next(self._probes)}).encode())
            for door in self.kept.values():
                door.ask(question)
            another = Door(self.port, keep=True)
            found = another.ask(question)
            assert found.status == 200, found
            if not found.is_hit:
                return another
            another.close()
        raise AssertionError("all connections lead to one worker")

    def commit(self, changes: Iterable[Change], connection: Any = None) -> None:
        """In one transaction, which is visible on the standby when this returns; it may be empty of changes."""
        connection = connection or self.primary
        with connection, connection.cursor() as cursor:
            cursor.execute("SELECT pg_logical_emit_message(TRUE, 'interleavings', 'a commit')")
            for change in changes:
                change.execute(cursor)

    def close(self) -> None:
        for door in self.kept.values():
            door.close()
        self.kept = {}


@dataclass
class Tale:
    """One interleaving: the world as it is, what was asked since the last commit, and the lines so far."""

    environment: Environment
    world: World
    bodies: list[bytes]
    lines: list[str] = field(default_factory=list)
    held: list[Change] = field(default_factory=list)
    last: Question | None = None
    warm: set[tuple[str, Question]] = field(default_factory=set)
    misses: Counter[Question] = field(default_factory=Counter)

    def play(self, steps: Iterable[bytes]) -> None:
        """AssertionError, with the whole scenario, at the first wrong answer."""
        kinds: tuple[Callable[[RandomChoices], None], ...] = (
            *[self.ask] * 6, *[self.commit] * 5, *[self.ask_again] * 6, *[self.race] * 2,
            self.ask_at_once, self.hold, self.let_go,
        )  # fmt: skip
        try:
            for drawn in steps:
                rng = RandomChoices(drawn)
                rng.pick(kinds)(rng)
        except AssertionError as fault:
            scenario = "\n".join(f"{number}. {line}" for number, line in enumerate(self.lines, 1))
            raise AssertionError(f"in the world of make_start(),\n{scenario}\nand there: {fault}") from None
        finally:
            self.environment.second.rollback()

    def draw_question(self, rng: RandomChoices) -> Question:
        there = [row["id"] for row in self.world["personal_access_tokens"] if row["id"] != EDITH]
        token_id = rng.pick([*there * 3, *USER_IDS, *NEW_TOKEN_IDS])
        issue = rng.pick((0,) * 7 + (1,))
        return Question(token_id, issue, rng.pick((True, True, False)), rng.pick(self.bodies))

    def check(self, question: Question, found: Found) -> None:
        """The answer must be that of the world as it is."""
        difference = find_fault(expect(self.world, question), found)
        assert difference is None, f"{difference}\n\n{tell_moment(self.world, question)}"

    # Steps

    def ask(self, rng: RandomChoices) -> None:
        """Somebody asks something through one of the doors."""
        where, question = rng.pick(("A", "B", "closed after it", "new")), self.draw_question(rng)
        self.ask_through(where, question)

    def ask_again(self, rng: RandomChoices) -> None:
        """The last question, perhaps through another door."""
        self.ask_through(rng.pick(("A", "B", "new")), self.last or self.draw_question(rng))

    def ask_through(self, where: str, question: Question) -> None:
        if where in self.environment.kept:
            found = self.environment.kept[where].ask(question)
        elif where == "new":
            found = Door(self.environment.port, keep=False).ask(question)
        else:
            found = open_new_door(self.environment.port).ask(question)
        self.last = question
        self.lines.append(f"{question.tell()} (connection {where}): {found.tell()}")
        self.check(question, found)
        if found.status != 200:
            return
        if not self.environment.has_cache:
            assert found.cache_status == "tickiti-query; fwd=bypass"
            return
        # Nothing was committed since: a worker that has answered this has it.
        assert found.is_hit or "stored" in found.cache_status, found.cache_status
        assert found.is_hit or (where, question) not in self.warm, "no hit, though nothing was committed"
        self.misses[question] += not found.is_hit
        assert self.misses[question] <= WORKERS, "more misses than workers, though nothing was committed"
        if where in self.environment.kept:
            self.warm.add((where, question))

    def ask_at_once(self, rng: RandomChoices) -> None:
        """Four people ask the same at the same time, and two of them twice."""
        drawn = self.draw_question(rng)
        who = (ANN, BOB, ROOT, CLEO, ANN, BOB)
        questions = [Question(token_id, 0, drawn.has_id, drawn.text) for token_id in who]
        self.lines.append(f"The tokens {list(who)} ask {drawn.text.decode()} at the same time.")
        for question, found in zip(questions, ask_at_once(self.environment.port, questions), strict=True):
            self.check(question, found)

    def commit(self, rng: RandomChoices) -> None:
        changes = self.draw_free_changes(rng)
        self.environment.commit(changes)
        self.become("A commit", changes)

    def draw_free_changes(self, rng: RandomChoices) -> list[Change]:
        """Changes to other tables than the transaction that is held open has changed, or after it."""
        changes = draw_changes(rng, self.world)
        if {change.table for change in changes} & {change.table for change in self.held}:
            self.commit_held()
            changes = []
        return changes

    def become(self, what: str, changes: list[Change]) -> None:
        self.lines.append(f"{what}: {'; '.join(change.tell() for change in changes) or 'nothing changes'}.")
        for change in changes:
            self.world = change.apply(self.world)
        self.warm.clear()
        self.misses.clear()

    def hold(self, rng: RandomChoices) -> None:
        """A second writer changes something and does not commit yet."""
        if self.held:
            return
        self.held = draw_changes(rng, self.world)
        with self.environment.second.cursor() as cursor:
            for change in self.held:
                change.execute(cursor)
        told = "; ".join(change.tell() for change in self.held)
        self.lines.append(f"A second writer begins, and does not commit yet: {told}.")

    def let_go(self, rng: RandomChoices) -> None:
        """The second writer commits, or rolls back; and for that to be seen, somebody commits nothing."""
        if rng.pick((True, True, False)):
            self.commit_held()
            return
        self.environment.second.rollback()
        self.held = []
        self.environment.commit([])
        self.become("The second writer rolls back, and a commit follows", [])

    def commit_held(self) -> None:
        if self.held:
            self.environment.second.commit()
            changes, self.held = self.held, []
            self.become("The second writer commits", changes)

    def race(self, rng: RandomChoices) -> None:
        """While three callers keep asking, something is committed: before and after are right, never back."""
        question, changes = self.draw_question(rng), self.draw_free_changes(rng)
        doors = [*self.environment.kept.values(), open_new_door(self.environment.port)]
        before, is_committed = expect(self.world, question), threading.Event()

        def keep_asking(door: Door) -> list[Found]:
            seen = [door.ask(question)]
            while not is_committed.is_set():
                seen.append(door.ask(question))
            return [*seen, door.ask(question)]

        with ThreadPoolExecutor(len(doors)) as threads:
            asking = [threads.submit(keep_asking, door) for door in doors]
            try:
                self.environment.commit(changes)
            finally:
                is_committed.set()
            answers = [each.result() for each in asking]
        self.become(f"While {question.tell()} all the time, a commit", changes)
        for seen in answers:
            for found in skip_answers(before, seen):
                self.check(question, found)


def skip_answers(before: Answer, seen: list[Found]) -> Iterable[Found]:
    """Without those of before the commit; the last one was asked for after it."""
    return [*dropwhile(lambda found: find_fault(before, found) is None, seen[:-1]), seen[-1]]


def begin(environment: Environment, drawn_perspectives: list[bytes], drawn_bodies: list[bytes]) -> Tale:
    """The world of the start with some perspectives more, on the standby, and what will be asked of it."""
    world = make_start()
    for table, rows in build_perspectives(world, drawn_perspectives).items():
        world[table] = [*world[table], *rows]
    environment.meet_workers()
    environment.load(world)
    environment.tales += 1
    bodies = [
        {},
        *[build_body(world, (ANN, BOB)[index % 2], data) for index, data in enumerate(drawn_bodies[:4])],
    ]
    return Tale(environment, world, [json.dumps(mark(body, environment.tales)).encode() for body in bodies])


def mark(body: Any, number: int) -> Any:
    """A body of this tale alone: what a former one has left in a cache is no answer to it.

    Row limits that limit nothing serve as the mark.
    """
    is_limited = not isinstance(body, dict) or body.get("row_limit") not in (None, 100, 5000)
    return body if is_limited else {**body, "row_limit": 1000 + number % 4000}
