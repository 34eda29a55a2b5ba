"""Each form a value may take reads what docs/perspectives.md says, and nothing else."""

from collections.abc import Callable
from datetime import time
from functools import partial
from typing import Any

import pytest

from tickiti_query.catalogue import values
from tickiti_query.catalogue.values import Team, Word

Reader = Callable[[object], Any]
read_from = partial(values.read_moment, time.min)
read_to = partial(values.read_moment, time(23, 59, 59))
NEVER: tuple[object, ...] = (None, 1.5, [], {}, ())

READINGS: list[tuple[Reader, object, object]] = [
    (values.read_text, "x", "x"),
    (values.read_text, " ", " "),
    (values.read_flag, True, True),
    (values.read_flag, False, False),
    (values.read_status, "on-hold", "on-hold"),
    (values.read_priority, 10, 10),
    (values.read_priority, "40", 40),
    (values.read_priority, "uRGENT", 40),
    (values.read_number, 0, 0),
    (values.read_number, "220009", 220009),
    (values.read_number, "000220009", 220009),
    (values.read_number, "9" * 5000, 2**63),
    (values.read_number, -5, -5),
    (values.read_name_or_id, 4, 4),
    (values.read_name_or_id, "4", "4"),
    (values.read_email, "a@b.example", "a@b.example"),
    (values.read_email, "me", Word.ME),
    (values.read_email, "Me", "Me"),
    (values.read_assignee, "a@b.example", "a@b.example"),
    (values.read_assignee, "me", Word.ME),
    (values.read_assignee, "ME", "ME"),
    (values.read_assignee, "Unassigned", Word.UNASSIGNED),
    (values.read_assignee, "unassigned", "unassigned"),
    (values.read_assignee, "team:1", Team(1, with_members=False)),
    (values.read_assignee, "team-and-members:12", Team(12, with_members=True)),
    (values.read_assignee, "team@b.example", "team@b.example"),
    (values.read_tag, "vip", "vip"),
    (values.read_tag, "#vip", "vip"),
    (values.read_tag, "##vip", "#vip"),
    (read_from, "2026-05-01", "2026-05-01 00:00:00"),
    (read_to, "2026-05-01", "2026-05-01 23:59:59"),
    (read_to, "2024-02-29 09:14:02", "2024-02-29 09:14:02"),
]

REFUSED: list[tuple[Reader, tuple[object, ...]]] = [
    (values.read_text, ("", 1, True, *NEVER)),
    (values.read_flag, ("true", 1, 0, "", *NEVER)),
    (values.read_status, ("Open", "open ", "", 1, True, *NEVER)),
    (values.read_priority, (15, "15", "", "10 ", "010", "１０", "lo\u212a", "high!", True, 10.0, *NEVER)),
    (values.read_number, ("", "-5", "+5", "5 ", "1e3", "٥", True, *NEVER)),
    (values.read_name_or_id, ("", True, *NEVER)),
    (values.read_email, ("", 1, True, *NEVER)),
    (
        values.read_assignee,
        ("", "team:", "team:x", "team:-1", "team: 1", "Team:1", "team-and-members:", "TEAM-AND-MEMBERS:1", 1),
    ),
    (values.read_assignee, NEVER),
    (values.read_tag, ("", "#", 1, *NEVER)),
    (
        read_from,
        (
            "",
            "2026-5-1",
            "2026-02-30",
            "2026-05-01T09:14:02",
            "2026-05-01 9:14:02",
            "2026-05-01 24:00:00",
            "2026-05-01 09:14",
            "2026-05-01 09:14:02Z",
            " 2026-05-01",
            "2026-05-01\n",
            "٢٠٢٦-05-01",
            "0000-01-01",
            20260501,
            *NEVER,
        ),
    ),
]


@pytest.mark.parametrize(("read", "value", "meaning"), READINGS)
def test_a_value_is_read_as_its_kind(read: Reader, value: object, meaning: object) -> None:
    assert read(value) == meaning
    assert type(read(value)) is type(meaning)


@pytest.mark.parametrize(("read", "value"), [(read, value) for read, refused in REFUSED for value in refused])
def test_another_value_is_refused_with_a_sentence(read: Reader, value: object) -> None:
    with pytest.raises(ValueError, match=r"^Must .*\.$"):
        read(value)
