"""JSON of strangers: bounded in numbers and depth, and nothing beyond the standard."""

import pytest

from tickiti_query.model.statement import read_json, read_scalars

READINGS: list[tuple[str, object]] = [
    ("null", None),
    ('"\\u00fc"', "ü"),
    ("[1, 2.5, true]", [1, 2.5, True]),
    (str(2**63 - 1), 2**63 - 1),
    (str(-(2**63)), -(2**63)),
    ("9" * 5000, 2**63),
    ("-" + "9" * 5000, -(2**63) - 1),
    ('{"a": 1, "a": 2}', {"a": 2}),
]


@pytest.mark.parametrize(("text", "value"), READINGS)
def test_json_is_read(text: str, value: object) -> None:
    assert read_json(text) == value


@pytest.mark.parametrize(
    "text", ["", "{", "NaN", "[Infinity]", "-Infinity", "01", "'a'", "[1,]", "[" * 100_000, '{"a":' * 100_000]
)
def test_what_is_no_json_or_too_deep_is_a_value_error(text: str) -> None:
    with pytest.raises(ValueError):  # noqa: PT011  its text is never shown
        read_json(text)


@pytest.mark.parametrize(
    ("value", "values"),
    [
        ('"open"', ("open",)),
        ("5", (5,)),
        ("true", (True,)),
        ("null", (None,)),
        ("[]", ()),
        ('["a", 1, null]', ("a", 1, None)),
        ('[["a"], {}]', ((), ())),
        ('{"a": 1}', ((),)),
        ("[" * 5000 + "]" * 5000, ((),)),
        (r'"a\u0000b"', ((),)),
        (r'["a", "\ud83d"]', ("a", ())),
        (None, ()),
    ],
)
def test_a_json_text_of_values_is_a_scalar_or_a_list_of_them(value: str | None, values: tuple[object, ...]) -> None:
    assert read_scalars(value) == values
