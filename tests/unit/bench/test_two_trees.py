"""Two trees in turns: medians, ratios, whose turn it is, and what is said of a tree that cannot be started."""

from pathlib import Path

import pytest

from bench.comparison import Comparison, render_table, take_turns
from bench.rivals.targets import ROOT, LoadError
from bench.trees import find_tree
from bench.two_trees import LOADS, MEASURES, SIDES, compare
from bench.wrk import Figures


def test_medians_are_of_each_side_and_the_ratio_is_of_rounds() -> None:
    both = Comparison("hits", (100.0, 300.0, 200.0), (100.0, 100.0, 400.0))
    assert both.medians == (200.0, 100.0)
    assert both.ratios == [1.0, 3.0, 0.5]
    assert both.ratio == 1.0  # not 200 : 100, which are of different rounds


def test_an_even_number_of_rounds_has_the_middle_of_two() -> None:
    both = Comparison("hits", (1.0, 3.0), (2.0, 2.0))
    assert both.medians == (2.0, 2.0)
    assert both.ratio == 1.0


def test_a_round_in_which_the_second_side_had_nothing_has_no_ratio() -> None:
    assert Comparison("hits", (1.0, 6.0), (0.0, 2.0)).ratio == 3.0
    assert Comparison("hits", (1.0,), (0.0,)).ratio is None
    assert Comparison("hits", (1.0,), (0.0,)).render() == "| hits | 1.00 | 0.00 | | |"


def test_who_was_first_in_a_round_is_last_in_the_next() -> None:
    assert [take_turns(("A", "B"), number) for number in (1, 2, 3)] == [("A", "B"), ("B", "A"), ("A", "B")]


def test_the_table_names_both_sides_and_the_range_of_the_ratios() -> None:
    head, _, line = render_table(("this", "second"), [Comparison("hits", (2.0, 3.0), (4.0, 2.0))]).splitlines()
    assert head == "| | this | second | this : second, median of the rounds | lowest to highest |"
    assert line == "| hits | 2.50 | 3.00 | 1.000 | 0.500 to 1.500 |"


def test_each_measure_of_a_load_is_taken_from_its_own_figures() -> None:
    rates = {"this": (1000.0, 1200.0), "second": (500.0, 400.0)}
    figures = {
        load.make_case(side): [
            Figures(1, rate + 10_000 * place, p50=1.0, p99=rate / 100, cpu=0.2, database_cpu=0.1)
            for rate in rates[side]
        ]
        for place, load in enumerate(LOADS)
        for side in SIDES
    }
    found = compare(LOADS[0], "a second", figures)
    assert (found.firsts, found.seconds) == (rates["this"], rates["second"])
    assert compare(LOADS[1], "a second", figures).firsts == (11_000.0, 11_200.0)
    assert compare(LOADS[2], "p99 ms", figures).medians == (11.0, 4.5)
    assert {compare(LOADS[0], measure, figures).name for measure in MEASURES} == {
        "hits: a second",
        "hits: p99 ms",
        "hits: own CPU ms",
    }


def test_this_tree_is_found_without_a_path_and_by_its_own() -> None:
    assert find_tree(None) == find_tree(ROOT)
    assert find_tree(None).directory == ROOT


def test_a_tree_that_is_not_set_up_is_told_what_to_run(tmp_path: Path) -> None:
    with pytest.raises(LoadError, match="no checkout of this project"):
        find_tree(tmp_path)
    (tmp_path / "config").mkdir()
    (tmp_path / "config" / "gunicorn.conf.py").touch()
    with pytest.raises(LoadError, match=f"run `{tmp_path}/script/setup requirements.txt` first"):
        find_tree(tmp_path)
    gunicorn = tmp_path / ".venv" / "bin" / "gunicorn"
    gunicorn.parent.mkdir(parents=True)
    gunicorn.touch()
    assert find_tree(tmp_path).gunicorn == gunicorn
