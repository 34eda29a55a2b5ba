"""Combinations of fields, as people save and search them."""

from __future__ import annotations

from collections.abc import Iterator

from bench.shape_language import (
    ABSENT_WORD,
    ELSEWHERE,
    TINY_QUEUE_NAME,
    Shape,
    search,
    sort,
    tell_behind,
    tell_growth,
    where,
)
from bench.world import COMMON_WORD, RARE_WORD, SCARCE_WORD
from tickiti_query.model.token import User


def list_combinations() -> Iterator[Shape]:
    """Yield a shape for each combination."""
    mine = where("assignee", "is", "me")
    unclosed = where("status", "is not", "closed")
    is_open = where("status", "is", "open")
    for title, conditions, orders, criteria in (
        ("mine, unclosed", (mine, unclosed), (), ()),
        ("mine, urgent first", (mine,), sort("-priority"), ()),
        (
            "mine, urgent, unclosed, urgent first",
            (mine, where("priority", "is", 30, "Urgent"), unclosed),
            sort("-priority", "created_at"),
            (),
        ),
        ("mine, by subject", (mine,), sort("subject"), ()),
        ("mine, by last_read_at", (mine,), sort("-last_read_at"), ()),
        ("mine, by queue", (mine,), sort("queue", "-updated_at"), ()),
        ("mine, tagged common", (mine, where("hashtag", "is", "tag0")), (), ()),
        ("mine, tagged rare", (mine, where("hashtag", "is", "recall")), (), ()),
        ("mine, content common", (mine,), (), (search("content", COMMON_WORD),)),
        ("mine, content rare", (mine,), (), (search("content", RARE_WORD),)),
        ("mine, subject or content common", (mine,), (), (search("subject_content", COMMON_WORD),)),
        (
            "mine and Unassigned, open, one queue",
            (where("assignee", "is", "me", "Unassigned"), is_open, where("queue", "is", 2)),
            sort("-priority", "created_at"),
            (),
        ),
        (
            "Unassigned, open, urgent first",
            (where("assignee", "is", "Unassigned"), is_open),
            sort("-priority", "number"),
            (),
        ),
        (
            "a team and its members, unclosed, by assignee",
            (where("assignee", "is", "team-and-members:3"), unclosed),
            sort("assignee", "-updated_at"),
            (),
        ),
        (
            "twelve teams, urgent first",
            (where("assignee", "is", *(f"team:{i}" for i in range(1, 13))),),
            sort("-priority"),
            (),
        ),
        (
            "me and thirteen teams, unclosed",
            (where("assignee", "is", "me", *(f"team:{i}" for i in range(1, 14))), unclosed),
            (),
            (),
        ),
        ("open in one queue, oldest first", (is_open, where("queue", "is", 2)), sort("created_at"), ()),
        ("unread and unclosed", (where("unread", "is", True), unclosed), (), ()),
        (
            "on hold, by date",
            (where("status", "is", "on-hold"),),
            sort("on_hold_until", "-priority"),
            (),
        ),
        (
            "participating, unread, not retained, by last response",
            (
                where("participating", "is", True),
                where("unread", "is", True),
                where("retained", "is not", True),
            ),
            sort("-last_response_at"),
            (),
        ),
        (
            "participating, by last_read_at",
            (where("participating", "is", True),),
            sort("-last_read_at"),
            (),
        ),
        (
            "two tags, not a third, by responses",
            (where("hashtag", "is", "#tag20", "recall"), where("hashtag", "is not", "tag0")),
            sort("-response_count"),
            (),
        ),
        (
            "not participating in one queue, by subject",
            (where("queue", "is", 2), where("participant", "is not", "me")),
            sort("subject"),
            (),
        ),
        (
            "originator contains, by originator",
            (where("originator", "contains", "customer1777@"),),
            sort("originator", "-created_at"),
            (),
        ),
        (
            "not solved in one queue, by status, queue, subject",
            (where("queue", "is", 2), where("resolution", "is not", "Solved")),
            sort("status", "queue", "subject"),
            (),
        ),
        ("by queue and subject", (), sort("queue", "subject"), ()),
        ("by queue, subject rare", (), sort("queue"), (search("subject", RARE_WORD),)),
        ("by queue, subject absent", (), sort("queue"), (search("subject", ABSENT_WORD),)),
        ("by queue, subject common", (), sort("queue"), (search("subject", COMMON_WORD),)),
        ("by queue, content rare", (), sort("queue"), (search("content", RARE_WORD),)),
        ("by queue, content common", (), sort("queue"), (search("content", COMMON_WORD),)),
        (
            "by queue, subject or content in 1,000",
            (),
            sort("queue"),
            (search("subject_content", SCARCE_WORD),),
        ),
        ("by queue, retained", (where("retained", "is", True),), sort("queue"), ()),
        ("by queue, for attention", (where("for_attention", "is", True),), sort("queue"), ()),
        (
            "by queue, urgent first",
            (unclosed,),
            sort("queue", "-priority", "-updated_at"),
            (),
        ),
        (
            "open, subject or content common",
            (is_open,),
            (),
            (search("subject_content", COMMON_WORD),),
        ),
        (
            "open, subject or content in 1,000, urgent first",
            (is_open,),
            sort("-priority"),
            (search("subject_content", SCARCE_WORD),),
        ),
        (
            "subject or content common, urgent first",
            (),
            sort("-priority"),
            (search("subject_content", COMMON_WORD),),
        ),
        (
            "subject or content common, by last_read_at",
            (),
            sort("-last_read_at"),
            (search("subject_content", COMMON_WORD),),
        ),
        (
            "either of two texts, not a third",
            (
                where("content", "contains", SCARCE_WORD, RARE_WORD),
                where("subject", "does not contain", COMMON_WORD),
            ),
            (),
            (),
        ),
        (
            "recently read, content common",
            (where("recently_read", "is", True),),
            sort("-last_read_at"),
            (search("content", COMMON_WORD),),
        ),
        ("a week long ago", (), (), (search("created_from", "2021-03-01"), search("created_to", "2021-03-07"))),
        ("open, last month", (is_open,), (), (search("created_from", "2025-12-01"),)),
        ("by last_read_at, tagged rare", (where("hashtag", "is", "recall"),), sort("last_read_at"), ()),
        ("by last_read_at, retained", (where("retained", "is", True),), sort("-last_read_at"), ()),
        ("by last_read_at, subject rare", (), sort("-last_read_at"), (search("subject", RARE_WORD),)),
        ("by last_read_at, open", (is_open,), sort("last_read_at"), ()),
        ("by last_read_at, unread", (where("unread", "is", True),), sort("last_read_at"), ()),
        ("by last_read_at, unread and unclosed", (where("unread", "is", True), unclosed), sort("-last_read_at"), ()),
        ("by last_read_at, not retained", (where("retained", "is", False),), sort("last_read_at"), ()),
        ("by last_read_at, closed", (where("status", "is", "closed"),), sort("-last_read_at"), ()),
        ("by queue, closed", (where("status", "is", "closed"),), sort("queue", "-updated_at"), ()),
        ("by queue, tagged rare", (where("hashtag", "is", "recall"),), sort("queue"), ()),
        ("by queue, tagged common", (where("hashtag", "is", "tag0"),), sort("queue"), ()),
        ("by queue, unread", (where("unread", "is", True),), sort("queue"), ()),
        ("by queue, participating", (where("participating", "is", True),), sort("queue"), ()),
        ("for attention, oldest first", (where("for_attention", "is", True),), sort("created_at"), ()),
        ("for attention, by subject", (where("for_attention", "is", True),), sort("subject"), ()),
        ("for attention, latest read first", (where("for_attention", "is", True),), sort("-last_read_at"), ()),
    ):  # fmt: skip
        yield Shape(
            "together",
            title,
            conditions,
            orders,
            criteria=criteria,
            why=tell_growth(conditions, orders, criteria),
            why_behind=tell_behind(conditions, orders),
        )
    yield Shape(
        "together",
        "another's desk, by their last_read_at",
        (where("for_attention", "is", True), where("queue", "is not", "Queue 9", TINY_QUEUE_NAME)),
        sort("last_read_at", "-priority"),
        ("unread", "retained", "last_read_at", "watchlists"),
        subject=User(1, "staff1@example.org"),
        why=ELSEWHERE,
    )
    yield Shape(
        "together",
        "another's: their watchlist, urgent first, with lists",
        (where("watchlist", "is", "Watchlist 9"),),
        sort("-priority"),
        ("watchlists", "participants", "hashtags", "assignee_name"),
        subject=User(10, "Staff10@example.org"),
        why=ELSEWHERE,
    )
