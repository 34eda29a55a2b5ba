"""The cached plans of a worker: the latest used, within their bytes."""

from tickiti_query.model.perspective import TicketQuery
from tickiti_query.model.statement import Statement
from tickiti_query.model.token import Actor, AuthenticatedToken, User
from tickiti_query.query.cached_plan import CachedPlan, PlanCache


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
