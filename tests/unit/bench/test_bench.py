"""`python -m bench` lists the modules of bench/ that can be run, and leads to their results."""

import pytest

from bench.__main__ import BENCHES, Bench, main
from tests.support.documents import ROOT, read_document

NO_BENCHES = {
    "__main__",  # the list itself
    "trace_requests",  # bench.trace runs it
}
MODULES = {path.stem: path.read_text("utf-8") for path in (ROOT / "bench").glob("*.py")}
RUNNABLE = {name for name, text in MODULES.items() if 'if __name__ == "__main__":' in text} - NO_BENCHES


def test_the_list_names_each_module_that_can_be_run_and_no_other() -> None:
    assert {bench.module for bench in BENCHES} == RUNNABLE


@pytest.mark.parametrize("name", sorted(RUNNABLE))
def test_each_bench_reads_its_command_line_so_that_help_starts_nothing(name: str) -> None:
    assert "parse_args(" in MODULES[name]


@pytest.mark.parametrize("bench", BENCHES, ids=lambda bench: bench.result)
def test_the_place_of_a_result_is_there(bench: Bench) -> None:
    path, _, anchor = bench.result.partition("#")
    assert (ROOT / path).is_file()
    assert not anchor or anchor in read_document(path).anchors


def test_the_list_says_what_each_measures_how_long_it_takes_and_where_its_result_is(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("sys.argv", ["bench"])
    assert main() == 0
    printed = capsys.readouterr().out
    for bench in BENCHES:
        assert bench.render() in printed
        assert all(word in bench.render() for word in (bench.module, bench.measures, bench.takes, bench.result))
        assert bench.measures
        assert bench.takes
