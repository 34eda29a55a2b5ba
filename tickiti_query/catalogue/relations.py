"""The SQL of a ticket's ties to responses, queues, people, tags, watchlists and reading states.

Each `match_…` answers "any of these values"; `t` is the ticket, `q` its queue. A tie is an EXISTS, which is
never NULL, so its negation is the complement.
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import replace
from functools import partial

from tickiti_query.catalogue import predicate
from tickiti_query.catalogue.field import write_moment
from tickiti_query.catalogue.predicate import CompileContext, Predicate, QueueSet, Relation, join_all, join_any
from tickiti_query.catalogue.values import Team, Word
from tickiti_query.model.statement import BIGINT

PARTICIPANTS = "FROM ticket_participants p WHERE p.ticket_id = t.id"
HASHTAGS = "FROM ticket_hashtags h WHERE h.ticket_id = t.id"
READ_SINCE = "s.last_read_at >= COALESCE(t.last_response_at, t.created_at)"


def subject_id(context: CompileContext) -> str:
    """Return the subject user's id, as a bind."""
    return context.binds.add("subject_id", context.subject.id)


def match_content(patterns: Sequence[str], context: CompileContext) -> Predicate:
    """Match tickets with one of the texts in a response that is not deleted. Notes count for staff only."""
    found = predicate.contain_text("r.plain_text", "content", patterns, context)
    return Predicate(f"EXISTS (SELECT 1 {visible_responses(context)} AND {found.sql})")


def visible_responses(context: CompileContext) -> str:
    """Write FROM and WHERE of the ticket's responses that are not deleted, and that the acting user may see."""
    public = "" if context.actor.is_staff else " AND NOT r.is_internal"
    return f"FROM responses r WHERE r.ticket_id = t.id AND r.deleted_at IS NULL{public}"


def match_subject_or_content(tokens: Sequence[str], context: CompileContext) -> Predicate:
    """Match tickets with one of the texts in the subject or in a response."""
    sides = [predicate.contain_text("t.subject", "subject", tokens, context), match_content(tokens, context)]
    return replace(join_any(sides), branches=tuple(side.sql for side in sides))


def resolve_ids(relation: Relation, values: Sequence[str | int], context: CompileContext) -> list[int]:
    """Return the ids among the values, and those that the names among them stand for, in order."""
    ids = {value for value in values if isinstance(value, int) and value in BIGINT}
    return sorted(ids.union(*(context.names[relation, value] for value in values if isinstance(value, str))))


def match_queue(queues: Sequence[str | int], context: CompileContext) -> Predicate:
    """Match tickets in a queue with one of the ids or names."""
    ids = resolve_ids(Relation.QUEUES_NAMED, queues, context)
    found = predicate.match_number("t.queue_id", "queue", ids, context)
    return Predicate(found.sql, queues=QueueSet(frozenset(ids)))


def match_inbox(context: CompileContext) -> Predicate:
    """Match tickets in a queue that the subject user administers as an inbox."""
    return match_queue(context.names[Relation.INBOXES_OF_USER, context.subject.id], context)


def resolve_emails(values: Iterable[object], context: CompileContext) -> list[str]:
    """Return the e-mail addresses among the values, with the subject user's for `me`, which may be none."""
    meant = (context.subject.email if value is Word.ME else value for value in values)
    return [value for value in meant if isinstance(value, str)]


def match_assignee(assignees: Sequence[str | Word | Team], context: CompileContext) -> Predicate:
    """Match tickets assigned to a person or their teams, to a team, to a team or its members, or to nobody.

    A ticket that is assigned to a team itself has the text `team:<id>`.
    """
    keys: list[str] = []
    for email in resolve_emails(assignees, context):
        keys += [email, *(f"team:{team}" for team in context.names[Relation.TEAMS_OF_EMAIL, email])]
    for team in assignees:
        if isinstance(team, Team):
            keys.append(f"team:{team.id}")
            if team.with_members:
                keys += context.names[Relation.MEMBERS_OF_TEAM, team.id]
    found = []
    if Word.UNASSIGNED in assignees:
        nobody = "t.assigned_to_email IS NULL"
        found.append(Predicate(nobody, branches=(nobody,), worth_splitting=predicate.is_by_update))
    if keys or not found:
        found.append(predicate.match_person("t.assigned_to_email", "assignee", keys, context))
    return join_any(found)


def match_originator(emails: Sequence[str | Word], context: CompileContext) -> Predicate:
    """Match tickets that one of these people sent in."""
    return predicate.match_person("t.originator_email", "originator", resolve_emails(emails, context), context)


def match_participant(emails: Sequence[str | Word], context: CompileContext) -> Predicate:
    """Match tickets in which one of these people takes part."""
    found = predicate.match_text("p.email", "participant", resolve_emails(emails, context), context)
    return Predicate(f"EXISTS (SELECT 1 {PARTICIPANTS} AND {found.sql})", selective=True)


def match_tag(tags: Sequence[str], context: CompileContext) -> Predicate:
    """Match tickets with one of the tags."""
    found = predicate.match_text("h.tag", "hashtag", tags, context)
    return Predicate(f"EXISTS (SELECT 1 {HASHTAGS} AND {found.sql})")


def visible_watchlists(context: CompileContext) -> str:
    """Write FROM and WHERE of the ticket's watchlists that the subject user owns or that are shared."""
    return (
        "FROM watchlist_tickets wt JOIN watchlists w ON w.id = wt.watchlist_id"
        f" WHERE wt.ticket_id = t.id AND (w.shared OR w.owner_id = {subject_id(context)})"
    )


def match_watchlist(watchlists: Sequence[str | int], context: CompileContext) -> Predicate:
    """Match tickets on a visible watchlist with one of the ids or names."""
    ids = resolve_ids(Relation.WATCHLISTS_NAMED, watchlists, context)
    found = predicate.match_number("wt.watchlist_id", "watchlist", ids, context)
    return Predicate(f"EXISTS (SELECT 1 {visible_watchlists(context)} AND {found.sql})", selective=True)


def join_state(column: str, context: CompileContext) -> str:
    """Join the subject user's state of the ticket, and write a column of it, which is NULL where there is no state."""
    context.joins[f"LEFT JOIN ticket_user_states s ON s.ticket_id = t.id AND s.user_id = {subject_id(context)}"] = None
    return f"s.{column}"


select_last_read = partial(join_state, "last_read_at")  # the time when the subject user last opened the ticket, or NULL


def match_retained(context: CompileContext) -> Predicate:
    """Match tickets that the subject user retains."""
    return Predicate(join_state("is_retained", context), nullable=True, selective=True)


def match_recently_read(context: CompileContext) -> Predicate:
    """Match tickets that the subject user has opened at some time."""
    return Predicate(f"{select_last_read(context)} IS NOT NULL", selective=True)


def match_unread(context: CompileContext) -> Predicate:
    """Match tickets that the subject user has not opened since the last response, or the creation."""
    last_read = select_last_read(context)
    return Predicate(f"({last_read} IS NULL OR {last_read} < COALESCE(t.last_response_at, t.created_at))")


def has_state(condition: str, context: CompileContext) -> Predicate:
    """Match tickets of which the subject user has a state where `condition` holds; for one cause among others."""
    return Predicate(
        "EXISTS (SELECT 1 FROM ticket_user_states s"
        f" WHERE s.ticket_id = t.id AND s.user_id = {subject_id(context)} AND {condition})"
    )


def match_participating(context: CompileContext) -> Predicate:
    """Match tickets in which the subject user takes part."""
    return match_participant([Word.ME], context)


def match_for_attention(context: CompileContext) -> Predicate:
    """Match tickets that are not closed and have one of the causes."""
    causes = list(find_causes(context).values())
    sides = tuple(side for cause in causes for side in cause.branches or (cause.sql,) if side != "FALSE")
    # An index has the unclosed tickets in these orders. One pass over them ends soon for who has an inbox or takes part
    # in much, and goes through all of them for who has little to attend to.
    has_inbox = bool(context.names[Relation.INBOXES_OF_USER, context.subject.id])
    email = context.subject.email
    takes_part_in_few = email is None or bool(context.names[Relation.FEW_PARTICIPATIONS, email])
    has_little = takes_part_in_few and not has_inbox
    any_cause = replace(
        join_any(causes),
        branches=sides,
        worth_splitting=lambda key: has_little or key not in {"t.updated_at", "t.priority"},
        selective=True,
    )
    return join_all([any_cause, Predicate("t.status <> 'closed'")])


def find_causes(context: CompileContext) -> Mapping[str, Predicate]:
    """Return the causes why a ticket that is not closed may need the subject user's attention, by their names."""
    return {
        "assigned": match_assignee([Word.ME], context),
        "retained or tagged": has_state("(s.is_retained OR s.unacknowledged_tags > 0)", context),
        "in an inbox": match_inbox(context),
        "participating and unread": join_all([match_participating(context), has_state(READ_SINCE, context).negate()]),
    }


def show_responses(context: CompileContext) -> str:
    """Write the number of responses that the acting user may see."""
    return f"json_build_object('responses', (SELECT count(*) {visible_responses(context)}))"


def show_last_read(context: CompileContext) -> str:
    """Write the time when the subject user last read the ticket, as text, or NULL."""
    return write_moment(select_last_read(context))


def show_reading(context: CompileContext) -> str:
    """Write the time when the subject user last read the ticket, and the time since when there is something to read."""
    since = write_moment("COALESCE(t.last_response_at, t.created_at)")
    return f"json_build_object('last read', {show_last_read(context)}, 'last response or creation', {since})"


def show_attention(context: CompileContext) -> str:
    """Write a list of facts: that the ticket is closed, and each cause why it needs the subject user's attention."""
    facts = {"closed": Predicate("t.status = 'closed'"), **find_causes(context)}
    words = ", ".join(f"CASE WHEN {fact.sql} THEN '{word}' END" for word, fact in facts.items())
    return f"array_remove(ARRAY[{words}], NULL)"
