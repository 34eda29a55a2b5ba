"""libpq's variables that must not count are taken out of the environment, and each is named once, without its value."""

from config.libpq import UNCOUNTED, drop_uncounted


def test_what_must_not_count_is_taken_out_and_named() -> None:
    environ = dict.fromkeys((*UNCOUNTED, "PGPASSFILE", "PGSSLROOTCERT", "PGUSER", "PGDATA", "HOME"), "hunter2")
    sentences = list(drop_uncounted(environ))
    assert [sentence.partition(" ")[0] for sentence in sentences] == list(UNCOUNTED)
    assert environ.keys() == {"PGPASSFILE", "PGSSLROOTCERT", "PGUSER", "PGDATA", "HOME"}
    assert not [sentence for sentence in sentences if "hunter2" in sentence]
    assert list(drop_uncounted(environ)) == []


def test_an_empty_one_is_taken_out_too() -> None:
    environ = {"PGTZ": ""}
    assert len(list(drop_uncounted(environ))) == 1
    assert environ == {}
