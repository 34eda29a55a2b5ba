"""Draws saved perspectives over a world: mostly such as the contract knows, a few that it does not."""

from collections.abc import Iterable
from itertools import product
from typing import Any

from hypothesis import strategies as st

from . import sample_values
from .random_choices import ROWS, RandomChoices
from .values import Row, World

IS = ("is", "is not")
CONTAINS = ("contains", "does not contain")
OPERATORS = {
    "status": IS,
    "subject": (*CONTAINS, *IS),
    "content": CONTAINS,
    "priority": IS,
    "queue": IS,
    "assignee": IS,
    "originator": (*IS, *CONTAINS),
    "participant": IS,
    "hashtag": IS,
    "watchlist": IS,
    "resolution": IS,
} | dict.fromkeys(sample_values.FLAGS, IS)
FIELDS = tuple(OPERATORS)
ORDERS = (
    "number", "subject", "status", "priority", "queue", "assignee", "originator", "created_at", "updated_at",
    "on_hold_until", "last_response_at", "response_count", "last_read_at",
)  # fmt: skip
COLUMNS = (
    "queue_id", "on_hold_until", "resolution", "last_responder_email", "last_response_at", "response_count",
    "assignee_name", "originator_name", "participants", "hashtags", "watchlists", "retained", "unread",
    "last_read_at", "subject", "watchlists", "participants", "hashtags", "watchlists", "participants",
    "hashtags",
)  # fmt: skip

WRONG_FIELDS = ("tag", "Subject", "", "id", "tickets.id", "created_at", "status ", "unread;")
WRONG_OPERATORS = ("contains", "IS", "is_not", "", "=", "does not contain", "in", "is  not")
WRONG_VALUES: tuple[Any, ...] = (
    None, "", [], {}, [[]], {"a": 1}, [None], 1.5, 10.0, True, 0, "team:", "Team:1", "team:1 ", "TEAM:1",
    "team-and-members:", "team-and-members:x", "Team-and-members:1", "team:١", "#", "pending", "Open", 15,
    "15", "ＬＯＷ", "true", ["open", ""], ["a", 1], [True, "true"], -1,
)  # fmt: skip
WRONGS: dict[str, tuple[Any, ...]] = {
    "field": WRONG_FIELDS,
    "operator": WRONG_OPERATORS,
    "value": WRONG_VALUES,
}
WRONG_PARTS = ("id", "", "Subject", "queue_name", "watchlists ", "retain")


def cased_emails(world: World) -> list[str]:
    """Everybody's e-mail in two spellings."""
    emails = [user["email"] for user in world["users"]]
    return [
        *emails,
        *[email.swapcase() for email in emails],
        *sample_values.OUTSIDE_EMAILS,
        "nobody@nowhere.io",
        "Me",
    ]


def ids_and_names(rows: list[Row]) -> list[Any]:
    """Ids, names, some of other rows' and some that are nobody's."""
    known = [value for row in rows for value in (row["id"], row["name"]) if value != ""]
    return [*known, *known, *known, "nowhere", *sample_values.IDS, *sample_values.STRANGE_IDS, "1", "2"]


def team_values(world: World) -> list[str]:
    ids = [
        *[str(team["id"]) for team in world["teams"]],
        str(sample_values.MISSING_ID),
        "01",
        "99999999999999999999",
    ]
    return [f"{word}:{team_id}" for team_id in ids for word in ("team", "team-and-members")]


def list_value_samples(world: World) -> dict[str, list[Any]]:
    """For each field the values to choose from, all of them legal."""
    emails = cased_emails(world)
    texts = [text for text in sample_values.TEXTS if text]
    by_field: dict[str, list[Any]] = {
        "subject": [*sample_values.FRAGMENTS, *texts],
        "content": list(sample_values.FRAGMENTS),
        "status": list(sample_values.STATUSES),
        "priority": list(sample_values.PRIORITY_VALUES),
        "queue": ids_and_names(world["ticket_queues"]),
        "assignee": [*["me", "Unassigned"] * 5, *emails, "ME", *team_values(world)],
        "originator": [*["me"] * 25, *emails, *sample_values.FRAGMENTS],
        "participant": [*["me"] * 10, *emails],
        "hashtag": [*sample_values.TAGS, *[f"#{tag}" for tag in sample_values.TAGS]],
        "watchlist": ids_and_names(world["watchlists"]),
        "resolution": ["a", "done", "DONE", "é", "É", "ß", "SS", "zz"],
    }
    return by_field | {flag: [True, False] for flag in sample_values.FLAGS}


def pick_value(rng: RandomChoices, samples: list[Any]) -> Any:
    """A scalar, or more rarely an array of one or two."""
    length, values = rng.pick((0, 0, 0, 0, 1, 2, 2)), [rng.pick(samples) for _ in range(2)]
    return values[:length] if length else values[0]


def build_perspective(rng: RandomChoices, perspective_id: int, world: World) -> Row:
    user_ids = [user["id"] for user in world["users"]]
    is_builtin, shared = rng.pick(((False, False), (True, False), (False, True), (False, True)))
    owner_id = rng.pick(user_ids)
    return {
        "id": perspective_id,
        "name": rng.pick(sample_values.PERSPECTIVE_NAMES),
        "description": None,
        "display_mode": "card",
        "is_builtin": is_builtin,
        "owner_id": None if is_builtin else owner_id,
        "shared": shared,
        "impersonate_user_id": rng.pick([*[None] * 4 * len(user_ids), *user_ids * 4, sample_values.MISSING_ID]),
        "show_in_crm": False,
    }


def build_conditions(rng: RandomChoices, values: dict[str, list[Any]]) -> Iterable[Row]:
    """Often on the same field as the condition before, since that is where conditions combine."""
    before = FIELDS[0]
    for _ in range(4):
        drawn = rng.pick((None,) * 12 + ("the one before",) * 7 + FIELDS)
        field = before if drawn == "the one before" else drawn or FIELDS[0]
        row = {
            "field": field,
            "operator": rng.pick(OPERATORS[field]),
            "value": pick_value(rng, values[field]),
        }
        spoilt, wrong = rng.pick((None,) * 120 + tuple(WRONGS)), rng.next_byte()
        if drawn is not None:
            yield (row if spoilt is None else row | {spoilt: RandomChoices(bytes([wrong])).pick(WRONGS[spoilt])})
            before = field


def build_orders(rng: RandomChoices) -> Iterable[Row]:
    known = list(product(ORDERS, (True, False))) * 3
    wrong = [(name, True) for name in WRONG_PARTS[:2]]
    for order in [rng.pick([*[None] * 120, *known, *wrong]) for _ in range(2)]:
        if order is not None:
            yield {"field": order[0], "ascending": order[1]}


def build_columns(rng: RandomChoices) -> Iterable[Row]:
    for field in [rng.pick([*[None] * 60, *COLUMNS * 8, *WRONG_PARTS[2:]]) for _ in range(3)]:
        if field is not None:
            yield {"field": field}


def place(perspective_id: int, rows: Iterable[Row]) -> Iterable[Row]:
    """Positions fall from row to row, so that nobody gets away with the order in which rows lie."""
    for index, row in enumerate(rows):
        yield {"perspective_id": perspective_id, "position": 9 - index, **row}


def build_perspectives(world: World, drawn: list[bytes]) -> World:
    tables: World = {
        "perspectives": [],
        "perspective_conditions": [],
        "perspective_orders": [],
        "perspective_columns": [],
    }
    values = list_value_samples(world) if drawn else {}
    for index, data in enumerate(drawn[:6]):
        rng, perspective_id = RandomChoices(data), (*sample_values.IDS, 20)[index]
        tables["perspectives"].append(build_perspective(rng, perspective_id, world))
        tables["perspective_orders"] += place(perspective_id, build_orders(rng))
        tables["perspective_columns"] += place(perspective_id, build_columns(rng))
        tables["perspective_conditions"] += place(perspective_id, build_conditions(rng, values))
    return tables


def perspectives(world: World) -> st.SearchStrategy[World]:
    """The four tables that hold perspectives, for the people, queues and lists of `world`."""
    return ROWS.map(lambda drawn: build_perspectives(world, drawn))
