"""The catalogue: every field that a perspective or a search may use, each with its SQL.

To add a field, add one entry to `ENTRIES` (its parts are explained in field.py): conditions, criteria, orders,
columns, the OpenAPI text and docs/perspectives.md are drawn from it. In SQL, `t` is the ticket and `q` its
queue; values go through the binds of the context.
"""

from functools import partial

from tickiti_query.catalogue import predicate, relations, values
from tickiti_query.catalogue.field import (
    Column,
    Field,
    Key,
    Kind,
    Mode,
    bound_moment,
    list_values,
    make_flag,
    name_column,
    text_key,
    write_moment,
)
from tickiti_query.catalogue.predicate import Comparison

NUMBER = Comparison(values.read_number, partial(predicate.match_number, "t.number", "number"))
STATUS = Comparison(values.read_status, partial(predicate.match_exactly, "t.status", "status"))
PRIORITY = Comparison(values.read_priority, partial(predicate.match_number, "t.priority", "priority"))
HASHTAG = Comparison(values.read_tag, relations.match_tag)
PARTICIPANT = Comparison(values.read_email, relations.match_participant)
ORIGINATOR = Comparison(values.read_email, relations.match_originator)
ASSIGNEE = Comparison(values.read_assignee, relations.match_assignee)
WATCHLIST = Comparison(values.read_number, relations.match_watchlist)
IN_SUBJECT = Comparison(values.read_text, partial(predicate.contain_text, "t.subject", "subject"))
IN_CONTENT = Comparison(values.read_text, relations.match_content)
IN_EITHER = Comparison(values.read_text, relations.match_subject_or_content)
# Two people of the demo, for examples.
PRIYA, MARCUS = "priya.sharma@sole-provider.example", "marcus@trailblazers-club.example"
STATUS_VALUES = "`open`, `on-hold`, `closed`"
PRIORITY_VALUES = "10, 20, 30, 40 as number or text, or Low, Normal, High, Urgent in any case"
TAG_VALUES = "tag, with or without `#`"
EMAIL_VALUES = "e-mail address, `me`"
ASSIGNEE_VALUES = (
    "e-mail address (also that person's teams), `team:<id>` (the team's own), `team-and-members:<id>`"
    " (the team's and its members' own), `Unassigned`, `me`"
)
WATCHLIST_TOKENS = "id of a watchlist that the acting user owns or that is shared"
PARTICIPANTS = list_values("p.email", relations.PARTICIPANTS)
HASHTAGS = list_values("h.tag", relations.HASHTAGS)
WATCHLISTS = list_values("w.name", relations.visible_watchlists)

ENTRIES = [
    # The core columns, in the order in which a row shows them.
    Field("ticket_id", core=True, column=Column("t.id", Kind.INTEGER, 1)),
    Field(
        "number",
        core=True,
        column=Column("t.number", Kind.INTEGER, 220009),
        order=Key("t.number"),
        modes=[Mode("ticket_number", "number", NUMBER, integers=True)],
    ),
    Field(
        "status",
        values=STATUS_VALUES,
        core=True,
        column=Column("t.status", Kind.TEXT, "open", choices=values.STATUSES),
        order=Key("array_position(ARRAY['open', 'on-hold', 'closed'], t.status)", nullable=True),
        equals=STATUS,
        modes=[Mode("status", STATUS_VALUES, STATUS)],
    ),
    Field(
        "queue",
        values="name (text) or id (number)",
        core=True,
        column=Column("q.name", Kind.TEXT, "Returns"),
        order=text_key("q.name", by_queue=True),
        equals=Comparison(values.read_name_or_id, relations.match_queue),
        modes=[Mode("queue", "name", Comparison(values.read_text, relations.match_queue))],
    ),
    Field(
        "priority",
        values=PRIORITY_VALUES,
        core=True,
        column=Column("CAST(t.priority AS text)", Kind.TEXT, "20", choices=values.PRIORITY_CODES),
        order=Key("t.priority"),
        equals=PRIORITY,
        modes=[Mode("priority", PRIORITY_VALUES, PRIORITY, integers=True)],
    ),
    Field(
        "subject",
        values="text",
        core=True,
        column=Column("t.subject", Kind.TEXT, "Carbon plate cracked on first marathon"),
        order=text_key("t.subject"),
        equals=Comparison(values.read_text, partial(predicate.match_text, "t.subject", "subject")),
        contains=IN_SUBJECT,
        modes=[Mode("subject", "part of the subject", IN_SUBJECT, text=True)],
    ),
    Field("assigned_to_email", core=True, column=Column("t.assigned_to_email", Kind.TEXT, PRIYA, nullable=True)),
    Field("originator_email", core=True, column=Column("t.originator_email", Kind.TEXT, MARCUS)),
    Field(
        "created_at",
        core=True,
        column=Column(write_moment("t.created_at"), Kind.MOMENT, "2026-05-01 09:14:02"),
        order=Key("t.created_at"),
        modes=bound_moment("created", "t.created_at"),
    ),
    Field(
        "updated_at",
        core=True,
        column=Column(write_moment("t.updated_at"), Kind.MOMENT, "2026-05-02 11:30:48"),
        order=Key("t.updated_at"),
        modes=bound_moment("updated", "t.updated_at"),
    ),
    # Who and what a ticket is tied to.
    Field(
        "content",
        values="text in any response; in internal notes for a staff acting user only",
        contains=IN_CONTENT,
        shows=relations.show_responses,
        modes=[
            Mode("content", "part of a response", IN_CONTENT, text=True),
            Mode("subject_content", "part of the subject or of a response", IN_EITHER, text=True),
        ],
    ),
    Field(
        "assignee",
        values=ASSIGNEE_VALUES,
        order=text_key("t.assigned_to_email", nullable=True),
        shows="t.assigned_to_email",
        equals=ASSIGNEE,
        modes=[Mode("assigned", ASSIGNEE_VALUES, ASSIGNEE)],
    ),
    Field(
        "originator",
        values=f"{EMAIL_VALUES}; with `contains`, text",
        order=text_key("t.originator_email"),
        shows="t.originator_email",
        equals=ORIGINATOR,
        contains=Comparison(values.read_text, partial(predicate.contain_text, "t.originator_email", "originator")),
        modes=[Mode("raised", EMAIL_VALUES, ORIGINATOR)],
    ),
    Field(
        "participant",
        values=EMAIL_VALUES,
        equals=PARTICIPANT,
        shows=PARTICIPANTS,
        modes=[Mode("participant", EMAIL_VALUES, PARTICIPANT)],
    ),
    Field("hashtag", values=TAG_VALUES, equals=HASHTAG, shows=HASHTAGS, modes=[Mode("hashtag", TAG_VALUES, HASHTAG)]),
    Field(
        "watchlist",
        values="id (number) or name (text) of a watchlist that the subject user owns or that is shared",
        user_centric=True,
        equals=Comparison(values.read_name_or_id, relations.match_watchlist),
        shows=list_values("concat(w.id, ' ', w.name)", relations.visible_watchlists),
        modes=[Mode("watchlist", WATCHLIST_TOKENS, WATCHLIST, integers=True)],
    ),
    Field(
        "resolution",
        values="text",
        column=Column("t.resolution", Kind.TEXT, "Replaced under warranty", nullable=True),
        equals=Comparison(values.read_text, partial(predicate.match_text, "t.resolution", "resolution")),
    ),
    # What the subject user has to do with the ticket.
    make_flag("retained", relations.match_retained, example=True),
    make_flag("participating", relations.match_participating),
    make_flag("unread", relations.match_unread, example=False, shows=relations.show_reading),
    make_flag("recently_read", relations.match_recently_read, shows=relations.show_reading),
    make_flag("inbox", relations.match_inbox),
    make_flag("for_attention", relations.match_for_attention, shows=relations.show_attention),
    Field(
        "last_read_at",
        user_centric=True,
        column=Column(relations.show_last_read, Kind.MOMENT, "2026-05-02 12:05:10", nullable=True),
        order=Key(relations.select_last_read, nullable=True, splits=True),
    ),
    # Columns and orders beyond the core.
    Field("queue_id", column=Column("t.queue_id", Kind.INTEGER, 1)),
    Field(
        "on_hold_until",
        column=Column("to_char(t.on_hold_until, 'YYYY-MM-DD')", Kind.DATE, "2026-05-20", nullable=True),
        order=Key("t.on_hold_until", nullable=True),
    ),
    Field("last_responder_email", column=Column("t.last_responder_email", Kind.TEXT, PRIYA, nullable=True)),
    Field(
        "last_response_at",
        column=Column(write_moment("t.last_response_at"), Kind.MOMENT, "2026-05-02 11:30:48", nullable=True),
        order=Key("t.last_response_at", nullable=True),
    ),
    Field("response_count", column=Column("t.response_count", Kind.INTEGER, 2), order=Key("t.response_count")),
    Field("assignee_name", column=name_column("t.assigned_to_email", "Priya Sharma")),
    Field("originator_name", column=name_column("t.originator_email", "Marcus Webb")),
    Field("participants", column=Column(PARTICIPANTS, Kind.LIST, (MARCUS, PRIYA))),
    Field("hashtags", column=Column(HASHTAGS, Kind.LIST, ("carbon-plate", "VIP"))),
    Field("watchlists", user_centric=True, column=Column(WATCHLISTS, Kind.LIST, ("Marathon season",))),
]
FIELDS = {field.name: field for field in ENTRIES}
MODES = {mode.name: mode for field in ENTRIES for mode in field.modes}
CORE = tuple(field.name for field in ENTRIES if field.core)
