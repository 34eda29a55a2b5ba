"""docs/access.md is true: every user, every perspective and every ticket of a small world, one by one."""

import itertools
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from demo.pair import Pair
from tests.oracle.evaluator import evaluate
from tests.oracle.example import START, a_permission, a_perspective, a_response, a_ticket, a_user, make_world
from tests.oracle.values import Row, World
from tests.support.difference import Comparison, open_comparison

TEXT = (Path(__file__).parents[2] / "docs" / "access.md").read_text("utf-8")
ANN, BOB, CLEO, ROOT, RITA, NEMO = range(1, 7)
USERS = [
    a_user(ANN, "Ann", "ann@x.io"),
    a_user(BOB, "Bob", "bob@x.io"),
    a_user(CLEO, "Cleo", "cleo@y.io", is_staff=False),
    a_user(ROOT, "Root", "root@x.io", sees_all_queues=True),
    a_user(RITA, "Rita", "rita@y.io", is_staff=False, sees_all_queues=True),
    a_user(NEMO, "Nemo", "nemo@x.io"),
]
VIEWS = {ANN: {1}, BOB: {1, 2}, CLEO: {1}, ROOT: set[int](), RITA: set[int](), NEMO: set[int]()}
STAFF = {user["id"] for user in USERS if user["is_staff"]}
QUEUES, GONE = (1, 2, 3), 99
KINDS: dict[str, Row] = {"in a queue": {}, "a draft": {"is_draft": True}, "deleted": {"deleted_at": START}}


def read_table(title: str) -> dict[str, dict[str, bool]]:
    """A table of yes and no by row and column; an empty cell is no question."""
    lines = TEXT.split(f"## {title}\n")[1].split("\n## ")[0].splitlines()
    rows = [[cell.strip() for cell in line.strip("|").split("|")] for line in lines if line.startswith("|")]
    head, _, *body = rows
    words = {"yes": True, "no": False}
    return {
        name: {column: words[cell] for column, cell in zip(head[1:], cells, strict=True) if cell}
        for name, *cells in body
    }


def build_tickets() -> Iterator[tuple[str, Row]]:
    """Each kind of ticket in each queue, with and without a tie to everybody, by the kind's name in the table."""
    numbers = itertools.count(1)
    for (kind, changes), queue_id in itertools.product(KINDS.items(), (*QUEUES, GONE)):
        for assigned in (None, "ann@x.io", "nemo@x.io", "cleo@y.io"):
            row = a_ticket(next(numbers), "tied", queue_id=queue_id, assigned_to_email=assigned, **changes)
            row["originator_email"] = assigned or "zoe@y.io"
            name = "in a queue that is gone" if kind == "in a queue" and queue_id == GONE else kind
            yield name, row


def build_views() -> Iterator[tuple[str, Row]]:
    """Each kind of perspective of each owner, by the kind's name in the table."""
    yield "the built-in All", a_perspective(10, "All", is_builtin=True, owner_id=None)
    yield "another built-in", a_perspective(11, "Inbox", is_builtin=True, owner_id=None)
    for user in USERS:
        owner = user["id"]
        yield "private", a_perspective(20 + owner, f"private {owner}", owner_id=owner)
        yield "shared", a_perspective(30 + owner, f"shared {owner}", owner_id=owner, shared=True)
        for subject in (ANN, ROOT, CLEO):
            yield (
                "shared, read as somebody else",
                a_perspective(
                    100 * subject + owner,
                    f"{owner} as {subject}",
                    owner_id=owner,
                    shared=True,
                    impersonate_user_id=subject,
                ),
            )


TICKETS, PERSPECTIVES = list(build_tickets()), list(build_views())


def build_world() -> World:
    everybody = [user["id"] for user in USERS]
    ids = [ticket["id"] for _, ticket in TICKETS]
    ties = list(itertools.product(ids, everybody))
    emails = {user["id"]: user["email"] for user in USERS}
    return {
        **make_world(),
        "users": USERS,
        "ticket_queues": [{"id": queue, "name": f"queue {queue}", "is_parked": False} for queue in QUEUES],
        # Nemo may manage and delete where he may not view, and works it as an inbox.
        "queue_permissions": [
            a_permission(user, queue, can_view=queue in VIEWS[user], treat_as_inbox=True)
            for user in everybody
            for queue in (*QUEUES, GONE)
        ],
        "tickets": [ticket for _, ticket in TICKETS],
        "responses": [a_response(number, "a secret note", is_internal=True) for number in ids],
        "ticket_participants": [{"ticket_id": number, "email": emails[user]} for number, user in ties],
        "ticket_hashtags": [],
        "watchlists": [
            {"id": user, "name": f"list of {user}", "owner_id": user, "shared": False} for user in everybody
        ],
        "watchlist_tickets": [{"watchlist_id": user, "ticket_id": number, "position": 0} for number, user in ties],
        "ticket_user_states": [
            {
                "ticket_id": number,
                "user_id": user,
                "last_read_at": None,
                "is_retained": True,
                "unacknowledged_tags": 1,
            }
            for number, user in ties
        ],
        "perspectives": [row for _, row in PERSPECTIVES],
        # A private one asks for what everybody is tied to; the others are wide open.
        "perspective_conditions": [
            {
                "perspective_id": row["id"],
                "position": 0,
                "field": "for_attention",
                "operator": "is",
                "value": True,
            }
            for kind, row in PERSPECTIVES
            if kind == "private"
        ],
        "perspective_columns": [
            {"perspective_id": row["id"], "position": 0, "field": "watchlists"} for _, row in PERSPECTIVES
        ],
    }


WORLD = build_world()


@pytest.fixture(scope="module")
def comparison(pair: Pair) -> Iterator[Comparison]:
    with open_comparison(pair) as opened:
        opened.load(WORLD)
        yield opened


def has_view(user: Row, kind: str, view: Row) -> bool:
    """Return whether the user has the view, by the table."""
    staff = "staff" if user["is_staff"] else "no staff"
    who = (
        f"its owner, {staff}" if view["owner_id"] == user["id"] else f"other{'' if user['is_staff'] else 's,'} {staff}"
    )
    return read_table("Which perspectives they have")[kind][who]


def list_visible(user: Row) -> set[int]:
    """Return the tickets that the user may see, by the table."""
    table = read_table("Which tickets can be in them")
    return {
        ticket["id"]
        for kind, ticket in TICKETS
        if table[kind][
            "who sees all queues"
            if user["sees_all_queues"]
            else "who may view its queue"
            if ticket["queue_id"] in VIEWS[user["id"]]
            else "everybody else"
        ]
    }


def list_asked(comparison: Comparison, user: Row, body: Any) -> list[dict[str, Any]]:
    comparison.compare(WORLD, user["id"], body)
    status, answer, _ = comparison.ask(user["id"], body)
    assert status == 200
    rows: list[dict[str, Any]] = answer["data"]
    return rows


@pytest.mark.parametrize("user", USERS, ids=lambda user: user["name"])
def test_every_perspective_shows_what_the_tables_say(comparison: Comparison, user: Row) -> None:
    visible = list_visible(user)
    assert {row["ticket_id"] for row in list_asked(comparison, user, {})} == visible
    for kind, view in PERSPECTIVES:
        for body in ({"perspective_id": view["id"]}, {"search_object": {"search_perspective": view["name"]}}):
            if not has_view(user, kind, view):
                comparison.compare(WORLD, user["id"], body)
                assert comparison.ask(user["id"], body)[0] == 404
                continue
            rows = list_asked(comparison, user, body)
            shown = {row["ticket_id"] for row in rows}
            assert shown == visible if kind != "private" else shown <= visible
            subject = view["impersonate_user_id"] or user["id"]
            assert all(row["watchlists"] == [f"list of {subject}"] for row in rows)


@pytest.mark.parametrize("user", USERS, ids=lambda user: user["name"])
def test_every_ticket_is_found_by_those_who_may_see_it_and_nobody_else(comparison: Comparison, user: Row) -> None:
    visible = list_visible(user)
    for _, ticket in TICKETS:
        criteria = [{"mode": "ticket_number", "tokens": [ticket["number"]]}]
        rows = list_asked(comparison, user, {"search_object": {"criteria": criteria}})
        assert [row["ticket_id"] for row in rows] == [ticket["id"]] * (ticket["id"] in visible)


@pytest.mark.parametrize("user", USERS, ids=lambda user: user["name"])
def test_an_internal_note_is_found_by_staff_alone(comparison: Comparison, user: Row) -> None:
    found = list_asked(comparison, user, {"search_object": {"criteria": [{"mode": "content", "tokens": ["secret"]}]}})
    expected = read_table("What of a ticket they can learn")["a content search finds an internal note"]
    assert bool(found) == (bool(list_visible(user)) and expected["staff" if user["is_staff"] else "no staff"])


def test_the_world_has_somebody_and_something_of_each_kind() -> None:
    assert {kind for kind, _ in TICKETS} == set(read_table("Which tickets can be in them"))
    assert {kind for kind, _ in PERSPECTIVES} == set(read_table("Which perspectives they have"))
    sizes = {user["name"]: len(evaluate(WORLD, user["id"], {}).rows) for user in USERS}
    assert sizes == {"Ann": 4, "Bob": 8, "Cleo": 4, "Root": 12, "Rita": 12, "Nemo": 0}
