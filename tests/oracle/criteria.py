"""The search criteria of a request, checked and read as one test over tickets."""

from dataclasses import dataclass
from typing import Any

from .matchers import (
    Matcher,
    match_assignee,
    match_content_part,
    match_hashtag,
    match_number,
    match_originator,
    match_participant,
    match_priority,
    match_queue_name,
    match_status,
    match_subject_or_content_part,
    match_subject_part,
    match_watchlist,
)
from .values import MeaninglessValueError, Row, TicketTest, read_integer_or_digits, read_moment
from .viewpoint import Viewpoint

MAX_CRITERIA = 20
MAX_TOKENS = 1000
MAX_TOKEN_LENGTH = 500


def match_watchlist_token(view: Viewpoint, token: Any) -> TicketTest:
    return match_watchlist(view, read_integer_or_digits(token))


def match_number_token(view: Viewpoint, token: Any) -> TicketTest:
    return match_number(view, read_integer_or_digits(token))


def match_from(column: str) -> Matcher:
    def match(_: Viewpoint, token: Any) -> TicketTest:
        first = read_moment(token, "00:00:00")
        return lambda ticket: bool(ticket[column].replace(microsecond=0) >= first)

    return match


def match_to(column: str) -> Matcher:
    def match(_: Viewpoint, token: Any) -> TicketTest:
        last = read_moment(token, "23:59:59")
        return lambda ticket: bool(ticket[column].replace(microsecond=0) <= last)

    return match


TEXT_MODES: dict[str, Matcher] = {
    "subject": match_subject_part,
    "content": match_content_part,
    "subject_content": match_subject_or_content_part,
}
OTHER_MODES: dict[str, Matcher] = {
    "assigned": match_assignee,
    "participant": match_participant,
    "raised": match_originator,
    "priority": match_priority,
    "status": match_status,
    "hashtag": match_hashtag,
    "queue": match_queue_name,
    "watchlist": match_watchlist_token,
    "ticket_number": match_number_token,
    "created_from": match_from("created_at"),
    "created_to": match_to("created_at"),
    "updated_from": match_from("updated_at"),
    "updated_to": match_to("updated_at"),
}
MODES = TEXT_MODES | OTHER_MODES


@dataclass(frozen=True)
class Criterion:
    mode: str
    holds: TicketTest


def read_token(view: Viewpoint, mode: str, token: Any) -> TicketTest:
    if isinstance(token, str) and len(token) > MAX_TOKEN_LENGTH:
        raise MeaninglessValueError(token)
    return MODES[mode](view, token)


def read_criterion(view: Viewpoint, raw: Any, path: str, faults: set[str]) -> Criterion | None:
    """None where a fault was found, whose path is then among the faults."""
    if not isinstance(raw, dict):
        faults.add(path)
        return None
    found = set()
    mode, tokens, match = raw.get("mode"), raw.get("tokens"), raw.get("match")
    if not isinstance(mode, str) or mode not in MODES:
        found.add(f"{path}.mode")
    if match not in (None, "all", "any"):
        found.add(f"{path}.match")
    if not isinstance(tokens, list) or not tokens:
        found.add(f"{path}.tokens")
    tests = []
    for index, token in enumerate(tokens if isinstance(tokens, list) and isinstance(mode, str) else []):
        try:
            if mode in MODES:
                tests.append(read_token(view, mode, token))
        except MeaninglessValueError:
            found.add(f"{path}.tokens.{index}")
    faults |= found
    if found:
        return None
    are_all_needed = mode in TEXT_MODES and match != "any"
    combine = all if are_all_needed else any
    return Criterion(str(mode), lambda ticket: combine(test(ticket) for test in tests))


def read_criteria(view: Viewpoint, raw: Any, path: str, faults: set[str]) -> list[Criterion]:
    """The criteria of a body; the paths of what is wrong with them are added to `faults`."""
    if raw is None:
        return []
    if not isinstance(raw, list):
        faults.add(path)
        return []
    token_lists = [item.get("tokens") for item in raw if isinstance(item, dict)]
    if len(raw) > MAX_CRITERIA or sum(len(t) for t in token_lists if isinstance(t, list)) > MAX_TOKENS:
        faults.add(path)
    read = [read_criterion(view, item, f"{path}.{index}", faults) for index, item in enumerate(raw)]
    return [criterion for criterion in read if criterion is not None]


def do_criteria_hold(criteria: list[Criterion], ticket: Row) -> bool:
    """Criteria of one mode are alternatives; the modes must all hold."""
    return all(
        any(criterion.holds(ticket) for criterion in criteria if criterion.mode == mode)
        for mode in {criterion.mode for criterion in criteria}
    )
