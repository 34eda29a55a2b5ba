"""The ties of a ticket: each is one EXISTS or one comparison, with every value in a bind."""

from collections.abc import Callable, Sequence
from typing import Any

import pytest

from tests.support.golden_cases import ANN, BOB, BOB_EMAIL, CUSTOMER, FOUND, STAFF
from tickiti_query.catalogue import relations
from tickiti_query.catalogue.predicate import CompileContext, Predicate, QueueSet
from tickiti_query.catalogue.values import Team, Word
from tickiti_query.model.token import Actor, User

Match = Callable[[Sequence[Any], CompileContext], Predicate]


def make_context(actor: Actor = STAFF, subject: User = ANN) -> CompileContext:
    return CompileContext(actor, subject, FOUND)


def list_values(context: CompileContext) -> list[Any]:
    return list(context.binds.params.values())


@pytest.mark.parametrize(
    ("match", "value", "relation"),
    [
        (relations.match_content, "refund'; --", "responses r"),
        (relations.match_participant, "x'@shop.example", "ticket_participants p"),
        (relations.match_tag, "#vip'", "ticket_hashtags h"),
        (relations.match_watchlist, 3, "watchlist_tickets wt"),
    ],
)
def test_a_tie_is_an_exists_whose_values_are_binds(match: Match, value: Any, relation: str) -> None:
    context = make_context()
    predicate = match([value], context)
    assert predicate.sql.startswith(f"EXISTS (SELECT 1 FROM {relation} ")
    assert predicate.sql.endswith(")")
    assert not predicate.nullable  # so that its negation is the complement
    assert predicate.negate().sql == f"NOT ({predicate.sql})"
    assert str(value) not in predicate.sql
    assert any(str(value).strip("%") in str(bound) for bound in list_values(context))


def test_notes_and_deleted_responses_are_left_out_where_they_must_not_be_seen() -> None:
    for_staff, for_customer = (relations.visible_responses(make_context(actor)) for actor in (STAFF, CUSTOMER))
    assert for_staff.endswith("r.deleted_at IS NULL")
    assert for_customer == f"{for_staff} AND NOT r.is_internal"


def test_a_text_in_subject_or_content_has_a_branch_for_each() -> None:
    found = relations.match_subject_or_content(["refund"], make_context())
    assert [branch.partition(" ")[0] for branch in found.branches] == ["lower(t.subject)", "EXISTS"]


def test_queues_are_ids_and_fold_into_the_scope() -> None:
    context = make_context()
    predicate = relations.match_queue(["Returns", 5, 2**70], context)
    assert predicate.queues == QueueSet(frozenset({2, 5}))
    assert predicate.negate().queues == QueueSet(frozenset({2, 5}), excluded=True)


def test_an_inbox_is_of_the_subject_and_not_of_the_actor() -> None:
    assert relations.match_inbox(make_context(subject=ANN)).queues == QueueSet(frozenset({2, 6}))
    assert relations.match_inbox(make_context(subject=BOB)).queues == QueueSet(frozenset())


@pytest.mark.parametrize(
    ("assignees", "keys"),
    [
        (["cy@shop.example"], ["cy@shop.example", "team:3", "team:4"]),
        ([Word.ME], ["Ann@Shop.example", "team:3"]),
        ([Team(4, with_members=False)], ["team:4"]),
        ([Team(4, with_members=True)], ["team:4", "cy@shop.example", "Dee@shop.example"]),
    ],
)
def test_an_assignee_is_a_person_their_teams_a_team_or_its_members(assignees: list[Any], keys: list[str]) -> None:
    context = make_context()
    predicate = relations.match_assignee(assignees, context)
    assert list_values(context) == keys
    assert "t.assigned_to_email" in predicate.sql
    assert predicate.nullable


def test_nobody_is_a_null_and_no_bind() -> None:
    context = make_context()
    assert relations.match_assignee([Word.UNASSIGNED], context).sql == "t.assigned_to_email IS NULL"
    assert list_values(context) == []
    both = relations.match_assignee([Word.UNASSIGNED, BOB_EMAIL], context)
    assert both.branches[0] == "t.assigned_to_email IS NULL"


def test_watchlists_are_those_that_the_subject_owns_or_that_are_shared() -> None:
    context = make_context()
    predicate = relations.match_watchlist(["VIP", 3], context)
    assert "(w.shared OR w.owner_id = :subject_id" in predicate.sql
    assert {3, 11, 12} <= set(list_values(context))


@pytest.mark.parametrize(
    "match",
    [relations.match_retained, relations.match_recently_read, relations.match_unread],
)
def test_what_a_user_did_is_joined_once_and_with_the_subjects_id(match: Callable[[CompileContext], Predicate]) -> None:
    context = make_context(STAFF, BOB)
    match(context)
    match(context)
    [join] = context.joins
    assert join.startswith("LEFT JOIN ticket_user_states s ON s.ticket_id = t.id AND s.user_id = :subject_id")
    assert list_values(context) == [BOB.id] * len(list_values(context))


def test_a_state_that_is_not_there_is_no_retained_ticket_and_an_unread_one() -> None:
    assert relations.match_retained(make_context()).nullable
    assert relations.match_unread(make_context()).sql.startswith("(s.last_read_at IS NULL OR ")
    assert relations.match_recently_read(make_context()).sql == "s.last_read_at IS NOT NULL"


def test_each_cause_of_attention_has_a_name_and_no_closed_ticket_needs_any() -> None:
    context = make_context()
    assert list(relations.find_causes(context)) == [
        "assigned",
        "retained or tagged",
        "in an inbox",
        "participating and unread",
    ]
    assert relations.match_for_attention(context).sql.endswith(" AND t.status <> 'closed')")


@pytest.mark.parametrize(
    ("subject", "is_worth_it"),
    [(ANN, False), (BOB, True)],  # Ann has inboxes; Bob has none, and takes part in little
)
def test_causes_are_read_apart_by_update_for_one_who_has_little(subject: User, is_worth_it: bool) -> None:
    found = relations.match_for_attention(make_context(STAFF, subject))
    assert found.worth_splitting("t.updated_at") == is_worth_it
    assert found.worth_splitting("t.priority") == is_worth_it
    assert found.worth_splitting("t.created_at")
    assert found.selective


def test_who_has_no_address_is_nobody() -> None:
    context = make_context(subject=User(8, None))
    for match in (relations.match_assignee, relations.match_originator):
        assert match([Word.ME], context).sql == "FALSE"
    assert "AND FALSE" in relations.match_participating(context).sql
    attention = relations.match_for_attention(context)
    assert attention.worth_splitting("t.updated_at")
