"""The bounds of a request: what is left of one, and an earlier one within it."""

from tickiti_query.model.request import Deadline


def test_time_that_passes_leaves_less_and_never_less_than_nothing() -> None:
    now = [100.0]
    deadline = Deadline(103.0, lambda: now[0])
    assert deadline.remaining_seconds == 3.0
    now[0] = 102.5
    assert deadline.remaining_seconds == 0.5
    now[0] = 104.0
    assert deadline.remaining_seconds == 0.0


def test_a_limit_within_a_deadline_is_the_earlier_of_both() -> None:
    deadline = Deadline(103.0, lambda: 100.0)
    assert deadline.within(1.0).remaining_seconds == 1.0
    assert deadline.within(5.0).remaining_seconds == 3.0
