"""Every built-in perspective, and everything the language knows by itself: each condition, order and search."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from functools import partial

from bench.shape_hand import ID, Hand, Probe, enumerate_literals, quote
from bench.shape_language import (
    ABSENT_WORD,
    ALL_SIDES,
    ALL_TIES,
    APART,
    ELSEWHERE,
    FEW_YET,
    NO_TRIGRAM,
    OTHER_COLLATION,
    OTHER_ORDER,
    RARER,
    RECHECK,
    SHORT_WORD,
    TIES,
    TINY_QUEUE_NAME,
    WALK,
    HandWritten,
    Shape,
    search,
    sort,
    where,
)
from bench.world import COMMON_WORD, RARE_WORD, SCARCE_WORD
from tickiti_query.model.perspective import Order
from tickiti_query.model.token import User

Text = Callable[[Hand], str]


def same(text: str) -> Text:
    """A condition that is the same for everybody."""
    return lambda _: text


def let(condition: Text, *, rare: bool = False) -> HandWritten:
    """The tickets for which a condition of their own is true."""
    return lambda h: h.on_tickets(condition(h), rare=rare)


def let_not(condition: Text) -> HandWritten:
    """The tickets for which it is not."""
    return lambda h: h.on_tickets(f"({condition(h)}) IS NOT TRUE")


def with_one(probe: Callable[[Hand], Probe]) -> HandWritten:
    """The tickets that have something."""
    return lambda h: h.on_satellite(probe(h))


def with_none(probe: Callable[[Hand], Probe]) -> HandWritten:
    """The tickets that have not."""
    return lambda h: h.off_satellite(probe(h))


def has(relation: str, condition: str) -> Callable[[Hand], Probe]:
    """A tie that is the same for everybody."""
    return lambda _: Probe(relation, condition)


def list_single() -> Iterator[Shape]:
    """All of them."""
    yield from list_builtins()
    yield from list_conditions()
    yield from list_text_conditions()
    yield from list_user_conditions()
    yield from list_orders()
    yield from list_searches()


def list_builtins() -> Iterator[Shape]:
    attention = where("for_attention", "is", True)
    urgent_first = "t.priority DESC, t.updated_at DESC, t.id DESC"
    yield Shape("built-in", "All", hand=lambda h: [h.plain(), h.by_queue()])
    yield Shape(
        "built-in",
        "For my attention",
        (attention,),
        hand=lambda h: h.for_attention(),
        why=ALL_TIES,
    )
    yield Shape(
        "built-in",
        "For my attention, urgent first",
        (attention,),
        sort("-priority", "-updated_at"),
        hand=lambda h: h.for_attention(urgent_first),
        why=ALL_TIES,
    )
    yield Shape(
        "built-in",
        "For my attention, urgent first, with columns",
        (attention,),
        sort("-priority", "-updated_at"),
        ("unread", "last_response_at"),
        hand=lambda h: h.for_attention(urgent_first, ("unread", "last_response_at")),
        why=ALL_TIES,
    )
    yield Shape(
        "built-in",
        "Recently read",
        (where("recently_read", "is", True),),
        sort("-last_read_at"),
        ("last_read_at",),
        hand=lambda h: [h.recently_read(("last_read_at",))],
    )
    inbox = where("inbox", "is", True)
    yield Shape("built-in", "Inbox", (inbox,), hand=lambda h: h.on_tickets(inboxes(h)))
    yield Shape(
        "built-in",
        "Inbox, unclosed, newest first",
        (inbox, where("status", "is not", "closed")),
        sort("-created_at"),
        hand=lambda h: [
            h.plain(f"t.status <> 'closed' AND {inboxes(h)}", f"t.created_at DESC, {ID}"),
            h.gather(
                f"SELECT t.id FROM tickets t WHERE t.status <> 'closed' AND {inboxes(h)}",
                f"t.created_at DESC, {ID}",
            ),
        ],
    )


def inboxes(h: Hand) -> str:
    return f"t.queue_id IN ({enumerate_literals(h.inboxes)})" if h.inboxes else "FALSE"


def list_conditions() -> Iterator[Shape]:
    """Fields whose condition is on the ticket: each both ways."""
    for note, values in (
        ("a fifth of the young", ("open",)),
        ("rare", ("on-hold",)),
        ("common", ("closed",)),
        ("two", ("open", "on-hold")),
    ):
        yield from both("status", note, values, same(f"t.status IN ({enumerate_literals(values)})"))
    for note, value, code in (
        ("common", "Normal", 20),
        ("a tenth", "Low", 10),
        ("rare", "Urgent", 40),
    ):
        yield from both("priority", note, (value,), same(f"t.priority = {code}"))
    yield from both("queue", "one of many", (2,), same("t.queue_id = 2"))
    yield from both("queue", "tiny", (TINY_QUEUE_NAME,), same("t.queue_id = 20"), rare=True)
    yield from both("queue", "two", ("Queue 2", "Queue 9"), same("t.queue_id IN (2, 9)"))
    yield from both("queue", "absent", ("No such queue",), same("FALSE"))
    for note, value in (("common", "Solved"), ("rare", "Spam"), ("absent", "No such end")):
        yield from both(
            "resolution",
            note,
            (value,),
            same(f"lower(t.resolution) = {quote(value.lower())}"),
        )
    for note, value in (
        ("common", "customer1@example.com"),
        ("rare", "customer1777@example.com"),
        ("absent", "nobody@example.com"),
    ):
        yield from both(
            "originator",
            note,
            (value,),
            same(f'lower(t.originator_email) COLLATE "C" = {quote(value)}'),
            rare=True,
            why=FEW_YET,
        )
    yield from both("originator", "me", ("me",), lambda h: f"lower(t.originator_email) = {quote(h.email.lower())}")
    yield from list_assignees()


def list_assignees() -> Iterator[Shape]:
    teams = tuple(f"team:{i}" for i in range(1, 14))
    for note, values in (
        ("me", ("me",)),
        ("a team", teams[:1]),
        ("absent", ("nobody@example.com",)),
        ("five teams", teams[:5]),
        ("twelve teams", teams[:12]),
        ("thirteen teams", teams),
    ):
        yield Shape(
            "condition",
            f"assignee is {note}",
            (where("assignee", "is", *values),),
            hand=assigned_to(values),
            why_behind=ALL_SIDES,
        )
        yield Shape(
            "condition",
            f"assignee is not {note}",
            (where("assignee", "is not", *values),),
            hand=not_assigned_to(values),
        )
    yield Shape(
        "condition",
        "assignee is a team and its members",
        (where("assignee", "is", "team-and-members:3"),),
        why_behind=ALL_SIDES,
    )
    yield from both("assignee", "Unassigned", ("Unassigned",), same("t.assigned_to_email IS NULL"))
    yield Shape(
        "condition",
        "assignee is me or Unassigned",
        (where("assignee", "is", "me", "Unassigned"),),
        hand=lambda h: h.on_sides(
            [
                *list_keys(h, ("me",)),
                "t.assigned_to_email IS NULL",
            ]
        ),
    )


def list_keys(h: Hand, values: Sequence[str]) -> list[str]:
    """`assigned to` for each key, `me` being several."""
    keys = h.mine if values == ("me",) else values
    return [f'lower(t.assigned_to_email) COLLATE "C" = {quote(key)}' for key in keys]


def assigned_to(values: Sequence[str]) -> HandWritten:
    return lambda h: h.on_sides(list_keys(h, values))


def not_assigned_to(values: Sequence[str]) -> HandWritten:
    return let_not(lambda h: " OR ".join(list_keys(h, values)))


def both(
    field: str,
    note: str,
    values: tuple[object, ...],
    written: Text,
    *,
    rare: bool = False,
    why: str = "",
) -> Iterator[Shape]:
    """`is` and `is not` of a condition on the ticket."""
    yield Shape(
        "condition",
        f"{field} is {note}",
        (where(field, "is", *values),),
        hand=let(written, rare=rare),
        why=why,
    )
    yield Shape(
        "condition",
        f"{field} is not {note}",
        (where(field, "is not", *values),),
        hand=let_not(written),
    )


def like(expression: str, text: str) -> str:
    return f"lower({expression}) LIKE {quote(f'%{text.lower()}%')}"


def content(text: str) -> Callable[[Hand], Probe]:
    return has("responses", content_has(text))


def content_has(text: str) -> str:
    return f"x.deleted_at IS NULL AND {like('x.plain_text', text)}"


WORDS = {
    "one in 100,000": RARE_WORD,
    "one in 1,000": SCARCE_WORD,
    "common": COMMON_WORD,
    "absent": ABSENT_WORD,
}


def list_text_conditions() -> Iterator[Shape]:
    """`contains` and `does not contain`, and the equality of subjects."""
    for note, word in WORDS.items():
        yield Shape(
            "condition",
            f"subject contains a word {note}",
            (where("subject", "contains", word),),
            hand=on_text("t.subject", word),
            why=RECHECK,
            why_behind=RARER,
        )
        yield Shape(
            "condition",
            f"subject does not contain a word {note}",
            (where("subject", "does not contain", word),),
            hand=let_not(same(like("t.subject", word))),
        )
        yield Shape(
            "content",
            f"content contains a word {note}",
            (where("content", "contains", word),),
            hand=with_one(content(word)),
            why=RECHECK,
            why_behind=RARER,
        )
        yield Shape(
            "content",
            f"content does not contain a word {note}",
            (where("content", "does not contain", word),),
            hand=with_none(content(word)),
        )
    yield Shape(
        "content",
        "content contains two letters, absent",
        (where("content", "contains", SHORT_WORD),),
        why=NO_TRIGRAM,
    )
    yield Shape(
        "condition",
        "subject contains two letters, absent",
        (where("subject", "contains", SHORT_WORD),),
        why=NO_TRIGRAM,
    )
    yield Shape(
        "condition",
        "subject contains two letters, in most",
        (where("subject", "contains", "er"),),
        hand=on_text("t.subject", "er"),
    )
    yield Shape(
        "condition",
        "subject is, absent",
        (where("subject", "is", "Invoice for the gate 7"),),
        hand=lambda h: [
            h.plain("lower(t.subject) = 'invoice for the gate 7'"),
            h.plain("lower(t.subject) COLLATE \"C\" = 'invoice for the gate 7'"),
        ],
        why_behind=OTHER_COLLATION,
    )
    yield Shape(
        "condition",
        "subject is not, absent",
        (where("subject", "is not", "Invoice for the gate 7"),),
        hand=lambda h: h.on_tickets("lower(t.subject) <> 'invoice for the gate 7'"),
    )
    for note, text in (
        ("a rare one", "customer1777@"),
        ("in most", "@example.com"),
        ("absent", ABSENT_WORD),
    ):
        yield Shape(
            "condition",
            f"originator contains, {note}",
            (where("originator", "contains", text),),
            hand=on_text("t.originator_email", text),
            why=RECHECK,
            why_behind=RARER,
        )
    yield Shape(
        "condition",
        "originator does not contain, a rare one",
        (where("originator", "does not contain", "customer1777@"),),
        hand=lambda h: h.on_tickets(f"NOT {like('t.originator_email', 'customer1777@')}"),
    )
    yield Shape(
        "condition",
        "originator does not contain, in all",
        (where("originator", "does not contain", "@example.com"),),
        hand=lambda h: h.on_tickets(f"NOT {like('t.originator_email', '@example.com')}"),
        why=WALK,
    )


def on_text(expression: str, text: str) -> HandWritten:
    """A text of the ticket's own: let the planner choose, gather, or walk (an expression that has no index)."""
    found = like(expression, text)
    walked = found.replace(f"lower({expression})", f"(lower({expression}) || '')")
    return lambda h: [h.plain(found), h.plain(walked), h.gather(f"SELECT t.id FROM tickets t WHERE {found}")]


def list_user_conditions() -> Iterator[Shape]:
    """Conditions on what belongs to a ticket, and on what the subject user has to do with it."""
    for note, value in (
        ("in a fiftieth", "staff8@example.org"),
        ("rare", "customer1777@example.com"),
        ("absent", "nobody@example.com"),
    ):
        yield from about(
            "participant",
            note,
            (value,),
            has("ticket_participants", f'lower(x.email) COLLATE "C" = {quote(value)}'),
        )
    for note, value in (
        ("common", "#Tag0"),
        ("in a hundredth", "tag20"),
        ("rare", "recall"),
        ("absent", "nil"),
    ):
        yield from about(
            "hashtag",
            note,
            (value,),
            has("ticket_hashtags", f'lower(x.tag) COLLATE "C" = {quote(value.lower().removeprefix("#"))}'),
        )
    owner = User(10, "Staff10@example.org")
    for note, value, ids in (
        ("of 4,500", "Watchlist 9", "9"),
        ("of ten", "Watchlist 10", "10"),
        ("absent", "None such", "NULL"),
    ):
        yield from about(
            "watchlist",
            note,
            (value,),
            has("watchlist_tickets", f"x.watchlist_id IN ({ids})"),
            subject=owner,
        )
    yield from about_flag("retained", lambda h: h.state("x.is_retained"))
    yield from about_flag("recently_read", lambda h: h.state("x.last_read_at IS NOT NULL"))
    yield from about_flag(
        "participating",
        lambda h: Probe("ticket_participants", f'lower(x.email) COLLATE "C" = {quote(h.email.lower())}'),
    )
    yield from about_flag("unread", lambda h: h.read, negated=True)
    yield from both("inbox", "true", (True,), inboxes)
    yield Shape(
        "condition",
        "for_attention is not true",
        (where("for_attention", "is not", True),),
        why=ALL_TIES,
    )


def about(
    field: str,
    note: str,
    values: tuple[object, ...],
    probe: Callable[[Hand], Probe],
    *,
    subject: User | None = None,
) -> Iterator[Shape]:
    """`is` and `is not` of a condition on what belongs to the ticket."""
    yield Shape(
        "condition",
        f"{field} is {note}",
        (where(field, "is", *values),),
        subject=subject,
        hand=with_one(probe),
        why=ELSEWHERE,
    )
    yield Shape(
        "condition",
        f"{field} is not {note}",
        (where(field, "is not", *values),),
        subject=subject,
        hand=with_none(probe),
    )


def about_flag(field: str, probe: Callable[[Hand], Probe], *, negated: bool = False) -> Iterator[Shape]:
    """`is true` and `is false` of a flag; `negated`: the probe finds what is false."""
    for value in (True, False):
        found = value is not negated
        yield Shape(
            "condition",
            f"{field} is {str(value).lower()}",
            (where(field, "is", value),),
            hand=with_one(probe) if found else with_none(probe),
            why=ELSEWHERE if found else "",
        )


def list_orders() -> Iterator[Shape]:
    """Every field that orders, both ways."""
    rank = "array_position(ARRAY['open', 'on-hold', 'closed'], t.status)"
    keys = {
        "number": ("t.number", False),
        "subject": ('lower(t.subject) COLLATE "C"', False),
        "status": (rank, True),
        "priority": ("t.priority", False),
        "assignee": ('lower(t.assigned_to_email) COLLATE "C"', True),
        "originator": ('lower(t.originator_email) COLLATE "C"', False),
        "created_at": ("t.created_at", False),
        "updated_at": ("t.updated_at", False),
        "on_hold_until": ("t.on_hold_until", True),
        "last_response_at": ("t.last_response_at", True),
        "response_count": ("t.response_count", False),
    }
    for ascending in (True, False):
        way = "ascending" if ascending else "descending"
        for field, (key, nullable) in keys.items():
            yield Shape(
                "order",
                f"by {field}, {way}",
                orders=(Order(field, ascending),),
                hand=partial(Hand.ordered, key=key, ascending=ascending, nullable=nullable),
                why="" if ascending else TIES,
            )
        yield Shape(
            "order",
            f"by queue, {way}",
            orders=(Order("queue", ascending),),
            hand=partial(Hand.ordered_by_queue, ascending=ascending),
        )
        for note, subject in (
            ("", None),
            (" of one who read a twentieth", User(1, "staff1@example.org")),
            (" of one who read nothing", User(1001, "customer1@example.com")),
        ):
            yield Shape(
                "order",
                f"by last_read_at{note}, {way}",
                orders=(Order("last_read_at", ascending),),
                subject=subject,
                hand=partial(Hand.ordered_by_reading, ascending=ascending),
                why=ELSEWHERE,
                why_behind=APART,
            )


def list_searches() -> Iterator[Shape]:
    """Every mode of the criteria."""
    yield from list_simple_searches()
    for mode in ("subject", "content", "subject_content"):
        for note, word in WORDS.items():
            yield Shape(
                "search",
                f"{mode}: a word {note}",
                criteria=(search(mode, word),),
                hand=write_search(mode, word),
                why=RECHECK,
                why_behind=ALL_SIDES if note == "common" else RARER,
            )
        for match in ("all", "any"):
            yield Shape(
                "search",
                f"{mode}: {match} of two words, common and in 1,000",
                criteria=(search(mode, COMMON_WORD, SCARCE_WORD, match=match),),
                why=RECHECK,
                why_behind=RARER,
            )
        yield Shape(
            "search",
            f"{mode}: all of two words, both common",
            criteria=(search(mode, COMMON_WORD, "ing"),),
            why=RECHECK,
            why_behind=RARER,
        )
    yield Shape(
        "search",
        "subject_content: two letters, absent",
        criteria=(search("subject_content", SHORT_WORD),),
        why=NO_TRIGRAM,
    )


def write_search(mode: str, word: str) -> HandWritten:
    """By hand what one word finds."""
    if mode == "subject":
        return on_text("t.subject", word)
    if mode == "content":
        return with_one(content(word))
    found, probe = like("t.subject", word), Probe("responses", content_has(word))
    unindexed = found.replace("lower(t.subject)", "(lower(t.subject) || '')")
    ids = f"SELECT x.ticket_id FROM responses x WHERE {probe.condition}"
    slow = probe.exists.replace("lower(x.plain_text)", "(lower(x.plain_text) || '')")
    return lambda h: [
        *h.on_sides([found, probe.exists]),
        h.gather(f"SELECT t.id FROM tickets t WHERE {found} UNION {ids}"),
        h.plain(f"({unindexed} OR {slow})"),
    ]


def list_simple_searches() -> Iterator[Shape]:
    yield Shape(
        "search",
        "ticket_number: two",
        criteria=(search("ticket_number", 100077, "150000"),),
        hand=lambda h: [h.plain("t.number IN (100077, 150000)")],
    )
    yield Shape(
        "search",
        "ticket_number: absent",
        criteria=(search("ticket_number", 7),),
        hand=lambda h: [h.plain("t.number = 7")],
    )
    yield Shape(
        "search",
        "status: open",
        criteria=(search("status", "open"),),
        hand=lambda h: h.on_tickets("t.status = 'open'"),
    )
    yield Shape(
        "search",
        "queue: tiny",
        criteria=(search("queue", TINY_QUEUE_NAME),),
        hand=lambda h: h.on_tickets("t.queue_id = 20", rare=True),
    )
    yield Shape(
        "search",
        "priority: high or urgent",
        criteria=(search("priority", "high", 40),),
        hand=lambda h: [
            *h.on_tickets("t.priority IN (30, 40)"),
            h.branches(["t.priority = 30", "t.priority = 40"]),
        ],
    )
    yield Shape(
        "search",
        "assigned: me",
        criteria=(search("assigned", "me"),),
        hand=lambda h: h.on_sides([f'lower(t.assigned_to_email) COLLATE "C" = {quote(key)}' for key in h.mine]),
    )
    yield Shape(
        "search",
        "raised: one who raised few",
        criteria=(search("raised", "customer1777@example.com"),),
        hand=lambda h: h.on_tickets("lower(t.originator_email) = 'customer1777@example.com'", rare=True),
        why=FEW_YET,
    )
    yield Shape(
        "search",
        "raised: two who raised many",
        criteria=(search("raised", "customer1@example.com", "customer2@example.com"),),
        hand=lambda h: h.on_sides([f"lower(t.originator_email) = 'customer{i}@example.com'" for i in (1, 2)]),
        why=OTHER_ORDER,
    )
    takes_part = Probe("ticket_participants", "lower(x.email) COLLATE \"C\" = 'staff150@example.org'")
    yield Shape(
        "search",
        "participant: one of the staff",
        criteria=(search("participant", "staff150@example.org"),),
        hand=lambda h: h.on_satellite(takes_part),
        why=ELSEWHERE,
    )
    yield Shape(
        "search",
        "hashtag: two",
        criteria=(search("hashtag", "tag20", "#recall"),),
        hand=lambda h: h.on_satellite(Probe("ticket_hashtags", "lower(x.tag) COLLATE \"C\" IN ('tag20', 'recall')")),
        why=ELSEWHERE,
    )
    yield Shape(
        "search",
        "watchlist: of ten",
        criteria=(search("watchlist", 10),),
        hand=lambda h: h.on_satellite(Probe("watchlist_tickets", "x.watchlist_id = 10")),
    )
    for mode, sign, note, day in (
        ("created_from", ">=", "young", "2025-12-01"),
        ("created_from", ">=", "old", "2020-02-01"),
        ("created_from", ">=", "beyond", "2035-01-01"),
        ("created_to", "<=", "old", "2020-02-01"),
        ("created_to", "<=", "young", "2025-12-01"),
        ("updated_from", ">=", "young", "2025-12-01"),
        ("updated_to", "<=", "old", "2020-02-01"),
        ("updated_to", "<=", "young", "2025-12-01"),
    ):
        column = mode.partition("_")[0] + "_at"
        moment = f"'{day} {'23:59:59' if sign == '<=' else '00:00:00'}'"
        bounded = f"t.{column} {sign} {moment}"
        yield Shape(
            "search",
            f"{mode}: {note}",
            criteria=(search(mode, day),),
            hand=let(same(bounded), rare=note == "beyond" or (note == "old" and sign == "<=")),
            why=OTHER_ORDER if mode == "created_to" else "",
        )
