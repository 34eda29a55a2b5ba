"""Conditions, criteria and values in words."""

from typing import Any

import pytest

from tickiti_query.cli.wording import describe_part, describe_value
from tickiti_query.compiler.rules import read_criteria
from tickiti_query.model.perspective import Condition, Criterion


@pytest.mark.parametrize(
    ("part", "wording"),
    [
        (Condition("status", "is", ("open",)), 'status is "open"'),
        (Condition("priority", "is", (30, "Urgent")), 'priority is 30 or "Urgent"'),
        (Condition("queue", "is not", ("Größe", 5)), 'queue is not "Größe" nor 5'),
        (Condition("subject", "does not contain", ('a"b',)), r'subject does not contain "a\"b"'),
        (Condition("inbox", "is", (True,)), "inbox is true"),
        (Criterion("subject", ("a", "b")), 'search subject: "a" and "b"'),
        (Criterion("subject", ("a", "b"), match="any"), 'search subject: "a" or "b"'),
        (Criterion("status", ("open", "closed")), 'search status: "open" or "closed"'),
        (
            Criterion("assigned", ("me", "Unassigned", "team:3", "team-and-members:4")),
            'search assigned: "me" or "Unassigned" or "team:3" or "team-and-members:4"',
        ),
        (Criterion("created_to", ("2026-05-01",)), 'search created_to: "2026-05-01 23:59:59"'),
    ],
)
def test_a_condition_and_a_criterion_are_told_in_one_line(part: Condition | Criterion, wording: str) -> None:
    if isinstance(part, Criterion):
        [search] = read_criteria([part])
        assert describe_part(search) == wording
    else:
        assert describe_part(part) == wording


@pytest.mark.parametrize(
    ("value", "wording"),
    [
        (None, "nothing"),
        ([], "nothing"),
        ("two\nlines", r'"two\nlines"'),
        (7, "7"),
        (["a", "b"], '"a", "b"'),
        ({"last read": None, "responses": 2}, "last read: never, responses: 2"),
    ],
)
def test_what_a_ticket_has_is_told_in_one_line(value: Any, wording: str) -> None:
    assert describe_value(value) == wording
