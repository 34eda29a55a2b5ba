"""Two checkouts of this project under the same load, in turns: `python -m bench.load --second-tree PATH`."""

from __future__ import annotations

import argparse
import contextlib
import json
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from typing import Any

from bench.cases import PAGE, QUESTIONS, Case, ask_once, check_hits
from bench.command import check_wrk, describe_machine, report, write_machine
from bench.comparison import Comparison, render_table, take_turns
from bench.load_world import INDEXED, open_pair
from bench.rivals.targets import LoadError, Target, run_target
from bench.trees import find_tree, make_settings
from bench.wrk import Figures, Wrk, keep_script
from demo.pair import Pair

CLIENTS = 16
SIDES = ("this", "second")
MODES: Mapping[str, Mapping[str, str]] = {"hits": {}, "misses": {"TICKITI_CACHE_TTL_SECONDS": "0"}}
MEASURES = {"a second": "rate", "p99 ms": "p99", "own CPU ms": "cpu"}


@dataclass(frozen=True)
class Load:
    """A load that both trees get: with the cache or without, the same question or several in turn."""

    title: str
    mode: str
    questions: int = 1

    def make_case(self, side: str) -> Case:
        """The load of one of the trees."""
        return Case(INDEXED, name_target(side, self.mode), CLIENTS, self.questions)


LOADS = (
    Load("hits", "hits"),
    Load("misses, one question", "misses"),
    Load(f"misses, {QUESTIONS} questions in turn", "misses", QUESTIONS),
)


def compare_trees(options: argparse.Namespace) -> int:
    """Measure both trees in turns, print a table, and keep all figures."""
    check_wrk()
    trees = dict(zip(SIDES, (find_tree(None), find_tree(options.second_tree)), strict=True))
    report(f"Starting a primary and its hot standby in {options.data}")
    with open_pair(options.data, options.tickets) as pair, contextlib.ExitStack() as stack:
        settings = make_settings(pair, options.workers, options.threads)
        targets: dict[str, Target] = {}
        for mode, own in MODES.items():
            for side, tree in trees.items():
                launch = tree.make_launch(name_target(side, mode), f"{side} tree, {mode}", own)
                report(f"Starting {launch.title}")
                targets[launch.name] = stack.enter_context(run_target(launch, settings, options.data))
        check_targets(targets)
        wrk = Wrk(stack.enter_context(keep_script()), options.seconds, pair.standby)
        comparisons = run_rounds(wrk, targets, options.rounds)
        conditions = describe_run(options, pair)
    conditions["trees"] = {side: tree.describe() for side, tree in trees.items()}
    print(f"\n{render(conditions, comparisons)}")
    found = {"conditions": conditions, "comparisons": [asdict(each) for each in comparisons]}
    options.json.write_text(json.dumps(found, indent=1) + "\n")
    report(f"All figures: {options.json}")
    return 0


def name_target(side: str, mode: str) -> str:
    """The name of a tree's service in one of its modes."""
    return f"{side}-{mode}"


def check_targets(targets: Mapping[str, Target]) -> None:
    """LoadError where a tree has no hits, or no full page; other bytes than the other tree's are told."""
    bodies = {target.title: ask_once(target, INDEXED).body for target in targets.values()}
    for title, body in bodies.items():
        if len(json.loads(body)["data"]) != PAGE:
            raise LoadError(f"{title}: perspective {INDEXED} has fewer than {PAGE} rows here")
    if len(set(bodies.values())) > 1:
        sizes = ", ".join(f"{title}: {len(body):,} bytes" for title, body in bodies.items())
        report(f"The answers are not the same ({sizes})")
    for side in SIDES:
        check_hits(targets[name_target(side, "hits")])


def run_rounds(wrk: Wrk, targets: Mapping[str, Target], rounds: int) -> list[Comparison]:
    """Every load on both trees in every round, on one right after the other."""
    figures: dict[Case, list[Figures]] = {load.make_case(side): [] for load in LOADS for side in SIDES}
    for number in range(1, rounds + 1):
        for load in LOADS:
            for case in map(load.make_case, take_turns(SIDES, number)):
                target = targets[case.target]
                figures[case].append(wrk.measure(target, case))
                report(f"round {number}/{rounds}  {case.questions:>2} questions  {target.title:<20}{figures[case][-1]}")
    return [compare(load, measure, figures) for load in LOADS for measure in MEASURES]


def compare(load: Load, measure: str, figures: Mapping[Case, Sequence[Figures]]) -> Comparison:
    """One measure of one load, of both trees."""
    firsts, seconds = (
        tuple(getattr(seen, MEASURES[measure]) for seen in figures[load.make_case(side)]) for side in SIDES
    )
    return Comparison(f"{load.title}: {measure}", firsts, seconds)


def describe_run(options: argparse.Namespace, pair: Pair) -> dict[str, Any]:
    """The conditions, without which no figure can be judged."""
    names = ("tickets", "workers", "threads", "rounds", "seconds")
    return {**describe_machine(pair), **{name: getattr(options, name) for name in names}}


def render(told: Mapping[str, Any], comparisons: Sequence[Comparison]) -> str:
    """The trees, the conditions and the table."""
    trees = "; ".join(f"{side}: {tree}" for side, tree in told["trees"].items())
    sizes = f"{told['tickets']:,} tickets; {CLIENTS} connections, {PAGE} rows; {told['workers']} × {told['threads']}"
    rounds = f"{told['rounds']} rounds of {told['seconds']} s in turns"
    conditions = f"{sizes} (workers × threads); {rounds}; {write_machine(told)}."
    return f"{trees}.\n{conditions}\n\n{render_table(SIDES, comparisons)}"
