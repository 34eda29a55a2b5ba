"""The cached plans of a worker: the latest used, within their bytes; and the look-ups that they depend on."""

from typing import Any

from tickiti_query.model.perspective import TicketQuery
from tickiti_query.model.statement import Statement
from tickiti_query.model.token import Actor, AuthenticatedToken, User
from tickiti_query.query.cached_plan import CachedPlan, PlanCache, Precondition, RecordingSource


def test_what_is_remembered_of_questions_is_bounded_with_their_bodies() -> None:
    plans = PlanCache(100_000)
    token = AuthenticatedToken(Actor(User(1, "a@b.example"), True, None), frozenset(), None, None, None)
    for number in range(20):
        query = TicketQuery(row_limit=number + 1)
        plan = CachedPlan(
            token=token,
            size=30_000,
            query=query,
            perspective_id=1,
            columns=(),
            checked=Statement("SELECT"),
            unchecked=Statement("SELECT"),
        )
        plans.put(number, plan)
    assert [number for number in range(20) if plans.get(number)] == [17, 18, 19]


class Names:
    """A source of two rows, each behind its text where that is asked for."""

    def fetch(self, statement: Statement) -> list[tuple[Any, ...]]:
        assert statement.sql == "SELECT CAST(x AS text), x.* FROM (\nSELECT id, name FROM users\n) x"
        return [("(1,ann)", 1, "ann"), ("(2,)", 2, None)]


def test_a_recorded_look_up_gives_its_rows_and_is_kept_with_their_texts() -> None:
    source, look_up = RecordingSource(Names()), Statement("SELECT id, name FROM users")
    assert source.fetch(look_up) == [(1, "ann"), (2, None)]
    assert source.preconditions == [Precondition(look_up, ("(1,ann)", "(2,)"))]
