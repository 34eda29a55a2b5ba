"""A request: what is left of its time, and how long its stages took."""

from tickiti_query.model.request import Deadline, RequestTrace


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


def test_a_stage_ends_where_another_begins_and_counts_once_for_each_time() -> None:
    trace = RequestTrace(
        stages=[("cache", 1.0), (None, 3.0), ("sql", 4.0), ("render", 8.0), ("sql", 24.0), (None, 56.0)]
    )
    assert trace.durations == {"cache": 2.0, "sql": 36.0, "render": 16.0}


def test_a_stage_that_has_not_ended_has_no_duration() -> None:
    assert RequestTrace(stages=[("cache", 1.0), ("sql", 4.0)]).durations == {"cache": 3.0}
    assert RequestTrace().durations == {}
