"""Columns of other collations than the database's own: every answer is the contract's all the same.

The embedded PostgreSQL has no ICU, and so no collation that is not deterministic; Debian's has.
"""

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.oracle.example import ANN, MINE, make_world, set_mine
from tests.oracle.worked_cases import WORKED
from tests.support.odd_columns import COLLATED, MAKE_COLLATIONS, OddComparison, open_odd_comparison, trim
from tickiti_query.cli import main
from tickiti_query.demo.binaries import BINDIR_VARIABLE
from tickiti_query.demo.pair import Pair

DEBIANS = Path("/usr/lib/postgresql/15/bin")
pytestmark = pytest.mark.skipif(not DEBIANS.is_dir(), reason="PostgreSQL 15 is not installed")
SHARE = 3


@pytest.fixture(scope="module")
def older(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Pair]:
    """A pair of Debian's PostgreSQL."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv(BINDIR_VARIABLE, str(DEBIANS))
        pair = Pair.create(tmp_path_factory.mktemp("older")).start()
    with pair:
        yield pair


@pytest.fixture(scope="module", params=COLLATED)
def comparison(older: Pair, request: pytest.FixtureRequest) -> Iterator[OddComparison]:
    kind = COLLATED[request.param]
    with open_odd_comparison(older.primary, older.standby, kind, MAKE_COLLATIONS) as opened:
        opened.number = list(COLLATED).index(request.param)
        yield opened


def test_the_worked_cases_are_answered_as_the_oracle_says(comparison: OddComparison) -> None:
    """Each case meets some of the kinds."""
    for world, user_id, body in list(WORKED.values())[comparison.number % SHARE :: SHARE]:
        trimmed = trim(world)
        comparison.load(trimmed)
        comparison.compare(trimmed, user_id, body)


# what was seen -> conditions, columns, and the body
SEEN = {
    "contains": ([("subject", "contains", "CARBON")], [], {"perspective_id": MINE}),
    "a perspective in another case": ([], [], {"search_object": {"search_perspective": "MINE"}}),
    "a queue in another case": ([("queue", "is", "SALES")], [], {"perspective_id": MINE}),
    "two columns of two collations": ([], ["assignee_name", "originator_name"], {"perspective_id": MINE}),
    "a status in another case": ([("status", "is not", "open")], [], {"perspective_id": MINE}),
    "an address with a capital I": ([("assignee", "is", "BOB@X.IO")], [], {"perspective_id": MINE}),
    "a letter beyond ASCII": ([("hashtag", "is", "été")], [], {"perspective_id": MINE}),
}


@pytest.mark.parametrize("name", SEEN)
def test_what_was_seen_is_answered_as_the_oracle_says(comparison: OddComparison, name: str) -> None:
    conditions, columns, body = SEEN[name]
    world = set_mine(make_world(), conditions, columns=columns)
    comparison.load(world)
    comparison.compare(world, ANN, body)


@pytest.mark.parametrize(
    ("locale", "said"),
    [
        (
            "LOCALE 'C'",
            "the database's lower() leaves À, Å, É, Ñ, Ö and 15 more as they are: to it, É and é are different letters",
        ),
        (
            "LOCALE_PROVIDER icu ICU_LOCALE 'tr' LOCALE 'C.UTF-8'",
            "the database's lower() gives ı for I: an address or text with such a capital is not found",
        ),
        ("LOCALE_PROVIDER icu ICU_LOCALE 'en' LOCALE 'C.UTF-8'", None),
    ],
)
def test_check_says_what_the_database_folds_in_another_way(
    older: Pair, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], locale: str, said: str | None
) -> None:
    older.primary.execute(f"CREATE DATABASE folding TEMPLATE template0 {locale}")
    try:
        older.wait_replayed()
        monkeypatch.setenv("TICKITI_REPLICA_URL", older.standby.url.replace("/postgres?", "/folding?"))
        main(["check"])
    finally:
        older.primary.execute("DROP DATABASE folding WITH (FORCE)")
    lines = [line for line in capsys.readouterr().out.splitlines() if "lower()" in line]
    assert len(lines) == (said is not None)
    assert said is None or lines[0].startswith(f"warning  server: {said}")
