"""A run in two processes: a test that must be alone is, and others are not."""

import json
from pathlib import Path

import pytest

from tests.support.planted import run_planted

# Each notes when it began and when it ended, on the clock that both processes have.
NOTED = """
import json, os, pathlib, pytest, time
{mark}
@pytest.mark.parametrize("number", range(3))
def test_it(number):
    began = time.monotonic()
    time.sleep({seconds})
    noted = {"file": __file__, "process": os.getpid(), "began": began, "ended": time.monotonic()}
    with open("{notes}", "a") as notes:
        notes.write(json.dumps(noted) + "\\n")
"""


def write_noted(notes: Path, seconds: float, mark: str = "") -> str:
    return NOTED.replace("{mark}", mark).replace("{seconds}", str(seconds)).replace("{notes}", str(notes))


def test_a_test_that_must_be_alone_runs_beside_no_other(tmp_path: Path) -> None:
    notes = tmp_path / "notes"
    files = {f"test_{number}.py": write_noted(notes, 0.1) for number in range(4)}
    files["test_alone.py"] = write_noted(notes, 0.1, "@pytest.mark.alone")
    ran = run_planted(tmp_path, files, "-n", "2", "--strict-markers")
    assert ran.returncode == 0, ran.stdout + ran.stderr
    noted = [json.loads(line) for line in notes.read_text("utf-8").splitlines()]
    alone = [each for each in noted if each["file"].endswith("test_alone.py")]
    assert (len(noted), len(alone)) == (15, 3)
    assert len({each["process"] for each in noted}) == 2
    for each in alone:
        assert [o for o in noted if o["began"] < each["ended"] and each["began"] < o["ended"]] == [each]


@pytest.mark.parametrize("processes", ["0", "2"])
def test_what_was_left_out_is_the_last_line_and_may_be_a_failure(tmp_path: Path, processes: str) -> None:
    text = 'import pytest\n@pytest.mark.skipif(True, reason="no such program")\n@pytest.mark.parametrize("n", "12")\n'
    files = {"test_skipped.py": f"{text}def test_it(n): ...\n", "test_passed.py": "def test_it(): ..."}
    for arguments, code in (((), 0), (("--leave-nothing-out",), 1)):
        ran = run_planted(tmp_path, files, "-n", processes, *arguments)
        assert ran.returncode == code, ran.stdout + ran.stderr
        assert ran.stdout.splitlines()[-1] == "Left out: 2 tests. no such program (2)."


def test_where_nothing_was_left_out_the_last_line_says_so(tmp_path: Path) -> None:
    ran = run_planted(tmp_path, {"test_passed.py": "def test_it(): ..."}, "--leave-nothing-out")
    assert (ran.returncode, ran.stdout.splitlines()[-1]) == (0, "Nothing was left out.")
