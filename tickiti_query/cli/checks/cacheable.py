"""The check of what may be cached: the relations whose rows change without a commit, and what they read."""

from collections.abc import Iterator

from tickiti_query.cli.checks.result import CheckResult, warning
from tickiti_query.cli.session import Session
from tickiti_query.reporting.view_rules import read_view_rules


def check_cacheable(session: Session) -> Iterator[CheckResult]:
    """Yield a warning for each relation that no cached answer can be made of."""
    for relation, words in read_view_rules(session.source).uncacheable.items():
        yield warning(
            relation, f"reads {words}, which changes without a commit: answers that need the relation are not cached"
        )
