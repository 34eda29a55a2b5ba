"""The saved conditions of a perspective, read as one test over tickets."""

from dataclasses import dataclass

from .matchers import (
    Matcher,
    flag_matcher,
    match_assignee,
    match_content_part,
    match_hashtag,
    match_originator,
    match_originator_part,
    match_participant,
    match_priority,
    match_queue,
    match_resolution,
    match_status,
    match_subject,
    match_subject_part,
    match_watchlist,
)
from .values import MeaninglessValueError, Row, TicketTest
from .viewpoint import (
    Viewpoint,
    is_for_attention,
    is_in_inbox,
    is_participating,
    is_recently_read,
    is_retained,
    is_unread,
)

MATCHERS: dict[tuple[str, str], Matcher] = {
    ("subject", "is"): match_subject,
    ("subject", "contains"): match_subject_part,
    ("content", "contains"): match_content_part,
    ("status", "is"): match_status,
    ("priority", "is"): match_priority,
    ("queue", "is"): match_queue,
    ("assignee", "is"): match_assignee,
    ("originator", "is"): match_originator,
    ("originator", "contains"): match_originator_part,
    ("participant", "is"): match_participant,
    ("hashtag", "is"): match_hashtag,
    ("watchlist", "is"): match_watchlist,
    ("resolution", "is"): match_resolution,
    ("retained", "is"): flag_matcher(is_retained),
    ("participating", "is"): flag_matcher(is_participating),
    ("unread", "is"): flag_matcher(is_unread),
    ("recently_read", "is"): flag_matcher(is_recently_read),
    ("inbox", "is"): flag_matcher(is_in_inbox),
    ("for_attention", "is"): flag_matcher(is_for_attention),
}
POSITIVE_OF = {"is not": "is", "does not contain": "contains"}


class UnsupportedError(Exception):
    """The perspective uses something that is in no table."""


@dataclass(frozen=True)
class Condition:
    """`holds` is the test of the positive operator; a negative condition asks for its complement."""

    field: str
    is_negative: bool
    holds: TicketTest


def read_condition(view: Viewpoint, row: Row) -> Condition:
    operator: str = POSITIVE_OF.get(row["operator"]) or row["operator"]
    matcher = MATCHERS.get((row["field"], operator))
    if matcher is None:
        raise UnsupportedError(row)
    values = row["value"] if isinstance(row["value"], list) else [row["value"]]
    if not values:
        raise UnsupportedError(row)
    try:
        tests = [matcher(view, value) for value in values]
    except MeaninglessValueError as fault:
        raise UnsupportedError(row) from fault
    return Condition(
        field=row["field"],
        is_negative=row["operator"] in POSITIVE_OF,
        holds=lambda ticket: any(test(ticket) for test in tests),
    )


def read_conditions(view: Viewpoint, rows: list[Row]) -> TicketTest:
    """Positives on one field are alternatives, each negative counts by itself, fields must all hold."""
    conditions = [read_condition(view, row) for row in rows]

    def do_all_hold(ticket: Row) -> bool:
        for field in {condition.field for condition in conditions}:
            own = [condition for condition in conditions if condition.field == field]
            positives = [condition.holds(ticket) for condition in own if not condition.is_negative]
            negatives = [not condition.holds(ticket) for condition in own if condition.is_negative]
            if positives and not any(positives):
                return False
            if not all(negatives):
                return False
        return True

    return do_all_hold
