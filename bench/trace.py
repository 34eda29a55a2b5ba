"""The walk of a reader with a request: calls, files and changes of file: `python -m bench.trace [--tree PATH]`.

A cold request, a hit and a repeated miss go through the WSGI app in one process, over the demo's shop on a real primary
and standby; gunicorn is left out. Counted are calls of functions in our own files, the files that are entered, and how
often the next call is in another file than the one before. `--tree` counts the same in another checkout, with that
checkout's interpreter. The lines of the product and its modules that are too long are printed as well.
"""

from __future__ import annotations

import argparse
import json
import subprocess
import sys
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from bench.command import run_shop
from bench.rivals.targets import LoadError
from bench.trees import Tree, find_tree
from demo.loading import READER
from demo.pair import Pair
from demo.shop_seed import DEMO_TOKENS
from tests.support.running import build_environment

SCRIPT = Path(__file__).with_name("trace_requests.py")
PRODUCT = ("app.py", "wsgi.py", "config", "schemas", "tickiti_query")
REQUESTS = ("hit", "repeated miss", "cold")
LONGEST_MODULE = 250
ROUNDS = 3
SECONDS = 120.0


@dataclass(frozen=True)
class Count:
    """The walk of one request."""

    calls: int
    changes: int
    files: Mapping[str, int]  # calls by file, in the order in which files were entered

    def measure(self) -> tuple[int, int, int]:
        """Return files, changes and calls, by which counts are compared."""
        return len(self.files), self.changes, self.calls


def main(argv: Sequence[str] | None = None) -> int:
    """Count in this checkout, and in another one where that is asked for."""
    parser = argparse.ArgumentParser(prog="python -m bench.trace", description=__doc__)
    parser.add_argument("--tree", type=Path, metavar="PATH", help="a checkout, set up, to count in as well")
    parser.add_argument("--files", action="store_true", help="list the files that each request enters")
    options = parser.parse_args(argv)
    try:
        trees = [find_tree(None)] if options.tree is None else [find_tree(options.tree), find_tree(None)]
        with run_shop(lambda _line: None) as (pair, _):
            for tree in trees:
                for line in describe_tree(tree, count_requests(tree, pair), with_files=options.files):
                    print(line)
    except LoadError as error:
        print(f"{parser.prog}: {error}", file=sys.stderr)
        return 1
    return 0


def count_requests(tree: Tree, pair: Pair) -> dict[str, Count]:
    """Return the shortest count of each request. What waits for a socket calls once more where bytes come in parts."""
    rounds = [run_script(tree, pair) for _ in range(ROUNDS)]
    return {name: min((each[name] for each in rounds), key=Count.measure) for name in REQUESTS}


def run_script(tree: Tree, pair: Pair) -> dict[str, Count]:
    """Return the counts of a new process of the checkout. LoadError where it cannot run, or a request fails."""
    tokens = {token.name: token.plain_text for token in DEMO_TOKENS}
    ran = subprocess.run(
        [tree.gunicorn.with_name("python"), "-"],
        input=SCRIPT.read_text("utf-8"),
        cwd=tree.directory,
        env=build_environment(
            TICKITI_REPLICA_URL=pair.standby.url_for(READER),
            BENCH_PRIMARY_URL=pair.primary.url_for("postgres"),
            BENCH_TOKEN=tokens["few queues"],
            BENCH_OTHER_TOKEN=tokens["all queues"],
            PYTHONDONTWRITEBYTECODE="1",
        ),
        capture_output=True,
        text=True,
        check=False,
        timeout=SECONDS,
    )
    if ran.returncode != 0:
        raise LoadError(f"{tree.directory} cannot be counted in:\n{ran.stderr}")
    walks = json.loads(ran.stdout)
    return {name: Count(walk["calls"], walk["changes"], walk["files"]) for name, walk in walks.items()}


def describe_tree(tree: Tree, counts: Mapping[str, Count], *, with_files: bool) -> Iterator[str]:
    """Yield the table of a checkout, its lines, and its modules that are too long."""
    yield tree.describe()
    yield f"  {'':<14}{'files':>6}{'changes':>9}{'calls':>7}"
    for name in REQUESTS:
        files, changes, calls = counts[name].measure()
        yield f"  {name:<14}{files:>6}{changes:>9}{calls:>7}"
        if with_files:
            yield from (f"    {number:>4} {file}" for file, number in counts[name].files.items())
    lines = count_lines(tree.directory)
    yield f"  {sum(lines.values()):,} lines in {len(lines)} modules"
    for name, number in sorted(lines.items()):
        if number > LONGEST_MODULE:
            yield f"  {name} has {number}"


def count_lines(directory: Path) -> dict[str, int]:
    """Return the lines of each module of the product, as `wc -l` counts them."""
    tops = [directory / top for top in PRODUCT]
    paths = [path for top in tops for path in ([top] if top.is_file() else sorted(top.rglob("*.py")))]
    return {path.relative_to(directory).as_posix(): path.read_bytes().count(b"\n") for path in paths}


if __name__ == "__main__":
    sys.exit(main())
