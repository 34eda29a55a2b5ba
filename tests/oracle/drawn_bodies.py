"""Draws request bodies for a world: mostly legal, a few that are not."""

from collections.abc import Callable
from itertools import product
from typing import Any

from hypothesis import strategies as st

from . import sample_values
from .drawn_perspectives import cased_emails, team_values
from .random_choices import ROW, RandomChoices
from .values import Row, World

Body = dict[str, Any]

MODES = (
    "subject", "content", "subject_content", "assigned", "participant", "raised", "priority", "status",
    "hashtag", "queue", "watchlist", "ticket_number", "created_from", "created_to", "updated_from",
    "updated_to",
)  # fmt: skip
WRONG_MODES = ("Subject", "", "originator", None, 1, "created", ["subject"])
WRONG_TOKENS: tuple[Any, ...] = (
    "", None, 1, 1.0, True, [], {}, "a" * 501, "a\0", "\ud800", "2026-02-30", "2026-13-01",
    "2026-05-01T00:00:00",
    "2026-05-01 24:00:00", "0000-01-01", "2026-05-01 23:59:60", "2026-5-1", "-1", "1x", "١", "team:",
    "TEAM:1", "team-and-members:x", "pending", "Open", "15", 15, "#", " 10", "+1",
)  # fmt: skip
MOMENT_TOKENS = tuple(
    text for moment in sample_values.MOMENTS for text in (moment.isoformat(" ", "seconds"), moment.date().isoformat())
)
COMMON = ("a", "b", "A", "B", "ß", "s") * 2
MATCHES_AND_LENGTHS = tuple(product(("absent", "any", "all", None), (1, 1, 2, 3)))
BIG_IDS = ("9223372036854775808", "99999999999999999999", "0", "9" * 400)


def list_token_samples(world: World) -> dict[str, list[Any]]:
    emails = cased_emails(world)
    numbers = [ticket["number"] for ticket in world["tickets"]]
    lists = [row["id"] for row in world["watchlists"]]
    return {
        "subject": [*sample_values.FRAGMENTS, *COMMON, "a" * 500],
        "content": [*sample_values.FRAGMENTS, *COMMON],
        "subject_content": [*sample_values.FRAGMENTS, *COMMON],
        "assigned": ["me", "Unassigned", *emails, "ME", *team_values(world)],
        "participant": ["me", *emails] * 2,
        "raised": ["me", *emails],
        "priority": list(sample_values.PRIORITY_VALUES),
        "status": list(sample_values.STATUSES),
        "hashtag": [*sample_values.TAGS, *[f"#{tag}" for tag in sample_values.TAGS]],
        "queue": [*[row["name"] for row in world["ticket_queues"]] * 2, "nowhere", "1", "SALES"],
        "watchlist": [*[*lists, *map(str, lists)] * 3, "01", *sample_values.STRANGE_IDS, *BIG_IDS],
        "ticket_number": [
            *[*numbers, *map(str, numbers)] * 3,
            "0220000",
            *sample_values.STRANGE_IDS,
            *BIG_IDS,
        ],
        "created_from": list(MOMENT_TOKENS),
        "created_to": list(MOMENT_TOKENS),
        "updated_from": list(MOMENT_TOKENS),
        "updated_to": list(MOMENT_TOKENS),
    }


def build_criteria(rng: RandomChoices, tokens: dict[str, list[Any]]) -> list[Body]:
    """Often of the same mode as the one before, since criteria of one mode are alternatives."""
    modes, criteria = ("the one before",) * 8 + MODES, []
    before = MODES[0]
    for _ in range(rng.pick((0, 0, 0, 0, 1, 1, 2, 3))):
        drawn = rng.pick(modes)
        mode = before = before if drawn == "the one before" else drawn
        match, length = rng.pick(MATCHES_AND_LENGTHS)
        values = [rng.pick(tokens[mode]) for _ in range(3)][:length]
        criteria.append({"mode": mode, "tokens": values} | ({} if match == "absent" else {"match": match}))
    return criteria


def spell_id(number: int, spelling: str) -> int | str | None:
    """As a number, as digits, or absent by being null."""
    if spelling == "null":
        return None
    if number < 0 or spelling == "number":
        return number
    return f"00{number}" if spelling == "zeros" else str(number)


SELECTORS = (
    "",
    "id",
    "name",
    "id",
    "search_id",
    "id",
    "name",
    "id",
    "id name",
    "search_id name",
    "id search_id name",
)
SPELLINGS = ("number", "number", "digits", "zeros", "number", "number", "null")


def does_have(user: Row | None, perspective: Row) -> bool:
    """Roughly: whom it is likely to be shown to."""
    if user is not None and not user["is_staff"]:
        return bool(perspective["is_builtin"] and perspective["name"] == "All")
    is_own = user is not None and perspective["owner_id"] == user["id"]
    return bool(perspective["is_builtin"] or perspective["shared"] or is_own)


def build_selector(rng: RandomChoices, world: World, user_id: int | None) -> Body:
    """None, one or several selectors, most of which select something that the user has."""
    rows = world["perspectives"]
    user = next((user for user in world["users"] if user["id"] == user_id), None)
    had = [row for row in rows if does_have(user, row)]
    ids = [row["id"] for row in [*had * 16, *rows * 2]]
    names = [row["name"] for row in [*had * 8, *rows]]
    direct_id = rng.pick([*ids, rng.pick(sample_values.STRANGE_IDS)])
    search_id = rng.pick([*ids, rng.pick(sample_values.STRANGE_IDS)])
    name = rng.pick([*names, "All", rng.pick(("nothing", ""))])
    kinds = rng.pick(SELECTORS if had else ("", "name", "")).split()
    body: Body = {}
    if "id" in kinds:
        body["perspective_id"] = spell_id(direct_id, rng.pick(SPELLINGS))
    if "search_id" in kinds:
        body["search_object"] = {"search_perspective_id": spell_id(search_id, rng.pick(SPELLINGS))}
    if "name" in kinds:
        body.setdefault("search_object", {})["search_perspective"] = name
    return body


Spoiler = Callable[[RandomChoices, Body], Any]


def put(path: str, *values: Any) -> Spoiler:
    """Sets the field at the dotted path to one of the values."""

    def spoil(rng: RandomChoices, body: Body) -> Body:
        *outer, last = path.split(".")
        inner = body
        for name in outer:
            inner = inner.setdefault(name, {})
        inner[last] = rng.pick(values)
        return body

    return spoil


def add_criterion(**changes: tuple[Any, ...]) -> Spoiler:
    """Adds a criterion that is plain but for the changes, each one of the values given."""

    def spoil(rng: RandomChoices, body: Body) -> Body:
        criterion = {"mode": "subject", "tokens": ["a"]}
        criterion |= {name: rng.pick(values) for name, values in changes.items()}
        body.setdefault("search_object", {}).setdefault("criteria", []).append(criterion)
        return body

    return spoil


WRONG_CRITERIA: tuple[Any, ...] = (
    "subject", {}, 1, ["subject"], [None], [{}], [{"mode": "subject"}], [{"tokens": ["a"]}],
    [{"mode": "subject", "tokens": ["a"]}] * 21, [{"mode": "subject", "tokens": ["a"] * 1001}],
    [{"mode": "subject", "tokens": ["a"] * 501}, {"mode": "status", "tokens": ["open"] * 500}],
)  # fmt: skip
EXTRAS = (put("extra", 1, "x", None, {"a": []}), put("search_object.extra", [], "ö"))
SPOILERS: tuple[Spoiler, ...] = (
    add_criterion(mode=MODES, tokens=tuple([token] for token in WRONG_TOKENS)),
    add_criterion(mode=MODES, tokens=tuple(["a", token] for token in WRONG_TOKENS)),
    add_criterion(mode=WRONG_MODES),
    add_criterion(match=("", "ALL", True, 1, ["all"], "none")),
    add_criterion(tokens=([], None, "a", {}, 1)),
    put("perspective_id", True, 1.0, 1.5, "", "-1", "1 ", "x", "١", [], {}, "1.0", "0x1"),
    put("search_object", [], "All", 1, True, [1]),
    put("search_object.search_perspective_id", False, 2.0, "", "+1", [1], "1e1"),
    put("search_object.search_perspective", 1, True, [], {}, "a\0", "\udfff"),
    put("search_object.criteria", *WRONG_CRITERIA),
    put("row_limit", 0, -1, 5001, 10**30, "10", 10.0, True, [], {}),
    put("extra", "\0", ["\ud83d"], {"\0": 1}, {"a": {"\udc00": None}}),
    put("search_object.extra", {"a": ["b\0"]}, "\ud800\ud800"),
    lambda rng, _: rng.pick(([], None, "All", 1, True, 1.5, [{}])),
)


def build_body(world: World, user_id: int | None, drawn: bytes) -> Any:
    rng = RandomChoices(drawn)
    spoiler, extra = rng.pick((None,) * 100 + SPOILERS), rng.pick((None,) * 6 + EXTRAS)
    row_limit = rng.pick(("absent", "absent", 100, 1, 2, 3, 5, None, 5000))
    body = build_selector(rng, world, user_id) | ({} if row_limit == "absent" else {"row_limit": row_limit})
    criteria = build_criteria(rng, list_token_samples(world))
    if criteria:
        body.setdefault("search_object", {})["criteria"] = criteria
    if extra is not None:
        extra(rng, body)
    return body if spoiler is None else spoiler(rng, body)


def bodies(world: World, user_id: int | None = None) -> st.SearchStrategy[Any]:
    """Parsed JSON bodies; those that are not legal may be any JSON. With a user, more that this user has."""
    return ROW.map(lambda drawn: build_body(world, user_id, drawn))
