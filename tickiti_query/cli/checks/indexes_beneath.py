"""The check of indexes beneath views: the tables there have the indexes that queries need."""

from collections.abc import Iterator, Set

from tickiti_query.cli.checks.result import CheckResult, warning
from tickiti_query.cli.session import Session
from tickiti_query.reporting.expected_indexes import INDEXES, KEYS_BENEATH, PREFIX
from tickiti_query.reporting.indexes import read_indexes

ADVICE = "on the table beneath the view; see deploy/reporting_views.sql"


def list_missing_beneath(session: Session, views: Set[str], *, has_trigrams: bool) -> Iterator[CheckResult]:
    """Yield the indexes of deploy/reporting_views.sql that are not there."""
    there = read_indexes(session.source, views)
    for name, (relation, columns) in KEYS_BENEATH.items():
        if relation in views and not there[relation].has_key(name, columns):
            wanted = f"{PREFIX}{name}, or another that begins with ({columns})"
            yield warning(relation, f"lacks the index {wanted}, {ADVICE}")
    for name, (relation, definition) in INDEXES.items():
        is_wanted = relation in views and (has_trigrams or not name.endswith("_trgm"))
        if is_wanted and not there[relation].has(name, definition):
            yield warning(relation, f"lacks the index {PREFIX}{name} {definition} {ADVICE}")


def count_beneath(views: Set[str]) -> int:
    """Return the number of indexes that the tables beneath these views should have."""
    return sum(relation in views for relation, _ in (*KEYS_BENEATH.values(), *INDEXES.values()))
