"""Measure every shape that the compiler emits: `python -m bench.shapes --url 'host=… dbname=…'`.

The database holds the bench world (`python -m bench.million`). Each statement is compiled as the service does it and
run with the service's session settings, in turns with rivals: what a person would write by hand for the same rows,
and the compiler's own plain form where it chose another. `--write` writes bench/results/shapes.csv and its section of
bench/README.md; with `--json` a group can be measured at a time, for what is not measured now is taken from the file.
"""

from __future__ import annotations

import argparse
import fnmatch
import json
import time
from collections.abc import Iterator, Sequence
from dataclasses import asdict, dataclass
from functools import partial
from pathlib import Path
from typing import Any
from unittest.mock import patch

from bench import shape_report
from bench.results_page import replace_section, write_csv
from bench.shape_cases import list_single
from bench.shape_hand import Hand
from bench.shape_language import TINY, Shape
from bench.shape_measure import Compared, Measured, Session
from bench.shape_together import list_combinations
from bench.world import ALL_SEEING_USER, TINY_USER
from tickiti_query.catalogue.predicate import Relation
from tickiti_query.compiler import page
from tickiti_query.compiler.rules import read_criteria
from tickiti_query.model.statement import Statement
from tickiti_query.model.token import Actor, User
from tickiti_query.reporting.perspectives import resolve

ROWS = 100
PEOPLE = {
    "five queues": 4,  # half of all tickets; many assigned, 25,000 read, an inbox
    TINY: TINY_USER,
    "all queues": ALL_SEEING_USER,
}


@dataclass(frozen=True)
class Line:
    """The result of a shape for one kind of user; `small` and `large` are times on the other databases."""

    shape: Shape
    person: str
    compared: Compared
    small: Measured | None = None
    large: Measured | None = None
    sql: str = ""


class World:
    """One database with the bench world."""

    def __init__(self, url: str, schema: str) -> None:
        self.session = Session(url, schema)
        self.actors = {person: self._read_actor(number) for person, number in PEOPLE.items()}
        [(self.tickets, self.version)] = self.session.fetch(
            Statement("SELECT count(*), current_setting('server_version') FROM tickets")
        )

    def _read_actor(self, number: int) -> Actor:
        [(email, sees_all)] = self.session.fetch(
            Statement("SELECT email, sees_all_queues FROM users WHERE id = :id", (("id", number),))
        )
        rows = self.session.fetch(
            Statement(
                "SELECT queue_id FROM queue_permissions WHERE user_id = :id AND can_view ORDER BY 1",
                (("id", number),),
            )
        )
        queues = None if sees_all else tuple(queue for (queue,) in rows)
        return Actor(User(number, email), is_staff=True, queues=queues)

    def compile(self, shape: Shape, person: str) -> Statement:
        """The statement as the service makes it, with names looked up first."""
        searches = read_criteria(shape.criteria)
        actor = self.actors[person]
        statement, _ = page.compile_query(shape.perspective, searches, actor, ROWS, partial(resolve, self.session))
        return statement

    def write_rivals(self, shape: Shape, person: str) -> Iterator[str]:
        """The plain form, and what is written by hand."""
        with patch.object(page, "write_page", page.write_plain):
            yield self.session.fill_in(self.compile(shape, person))
        if shape.hand is not None:
            yield from shape.hand(self._make_hand(shape, person))

    def _make_hand(self, shape: Shape, person: str) -> Hand:
        actor = self.actors[person]
        subject = shape.subject or actor.user
        email = subject.email or ""
        teams, inboxes = (Relation.TEAMS_OF_EMAIL, email), (Relation.INBOXES_OF_USER, subject.id)
        found = resolve(self.session, [teams, inboxes])
        return Hand(
            user_id=subject.id,
            email=email,
            teams=found[teams],
            inboxes=found[inboxes],
            queues=actor.queues,
        )


def main() -> None:
    """Read the command line, measure, and tell."""
    parser = argparse.ArgumentParser(
        prog="python -m bench.shapes", description="Time every shape that the compiler emits."
    )
    parser.add_argument("--url", required=True, help="libpq connection string: the bench world, 1,000,000 tickets")
    parser.add_argument("--url100k", help="the same with 100,000 tickets")
    parser.add_argument("--url5m", help="the same with 5,000,000 tickets")
    parser.add_argument("--schema", default="reporting")
    parser.add_argument("--only", default="*", help="titles to measure, as a pattern: 'assignee*'")
    parser.add_argument("--group", default="*", help="groups to measure, as a pattern")
    parser.add_argument("--person", choices=[*PEOPLE], help="one kind of user alone")
    parser.add_argument(
        "--json", type=Path, help="a file for everything that was found, statements included; it is added to"
    )
    parser.add_argument(
        "--write", action="store_true", help="write bench/results/shapes.csv and its section of bench/README.md"
    )
    arguments = parser.parse_args()
    world = World(arguments.url, arguments.schema)
    others = [World(url, arguments.schema) if url else None for url in (arguments.url100k, arguments.url5m)]
    shapes = [*list_single(), *list_combinations()]
    chosen = [
        shape
        for shape in shapes
        if fnmatch.fnmatchcase(shape.title, arguments.only) and fnmatch.fnmatchcase(shape.group, arguments.group)
    ]
    people = [arguments.person] if arguments.person else [*PEOPLE]
    lines = list(measure(chosen, people, world, others))
    if arguments.json:
        lines = add(lines, read_lines(arguments.json, shapes) if arguments.json.exists() else [], shapes)
        arguments.json.write_text(json.dumps([tell(line) for line in lines], indent=1), "utf-8")
    text = shape_report.render_section(lines, make_conditions(world, others))
    print(text)
    if arguments.write:
        replace_section("shapes", text)
        write_csv("shapes", shape_report.COLUMNS, shape_report.list_rows(lines))


def add(lines: Sequence[Line], earlier: Sequence[Line], shapes: Sequence[Shape]) -> list[Line]:
    """All lines in the order of the shapes, the new ones in place of earlier ones."""
    found = {(line.shape, line.person): line for line in (*earlier, *lines)}
    return [found[shape, person] for shape in shapes for person in PEOPLE if (shape, person) in found]


def make_conditions(world: World, others: Sequence[World | None]) -> shape_report.Conditions:
    """On what it was measured."""
    small, large = (other.tickets if other else None for other in others)
    return shape_report.Conditions(world.version, world.tickets, small, large, time.strftime("%Y-%m-%d"))


def measure(
    shapes: Sequence[Shape], people: Sequence[str], world: World, others: Sequence[World | None]
) -> Iterator[Line]:
    """Each shape for each kind of user, with a progress line."""
    started = time.monotonic()
    for number, shape in enumerate(shapes, start=1):
        for person in people:
            sql = world.session.fill_in(world.compile(shape, person))
            compared = world.session.compare(sql, [*world.write_rivals(shape, person)])
            small, large = (
                other.session.time(other.session.fill_in(other.compile(shape, person))) if other else None
                for other in others
            )
            line = Line(shape, person, compared, small, large, sql)
            print(
                f"{time.monotonic() - started:5.0f} s {number:>3}/{len(shapes)} {shape_report.render_progress(line)}",
                flush=True,
            )
            yield line


def tell(line: Line) -> dict[str, object]:
    """A line for the JSON file."""
    return {
        "group": line.shape.group,
        "title": line.shape.title,
        "person": line.person,
        "ratio": line.compared.ratio,
        "compared": asdict(line.compared),
        "small": asdict(line.small) if line.small else None,
        "large": asdict(line.large) if line.large else None,
        "sql": line.sql,
    }


def read_lines(path: Path, shapes: Sequence[Shape]) -> list[Line]:
    """The lines of a JSON file whose shapes are still measured."""
    known = {(shape.group, shape.title): shape for shape in shapes}
    told = [each for each in json.loads(path.read_text("utf-8")) if (each["group"], each["title"]) in known]
    return [
        Line(
            known[each["group"], each["title"]],
            each["person"],
            Compared(
                read_measured(each["compared"]["ours"]),
                read_measured(each["compared"]["best"]),
                each["compared"]["best_sql"],
                each["compared"]["differs"],
            ),
            read_measured(each["small"]),
            read_measured(each["large"]),
            each["sql"],
        )
        for each in told
    ]


def read_measured(told: dict[str, Any] | None) -> Measured | None:
    """The figures of a statement as the JSON file has them."""
    return Measured(**{**told, "plan": tuple(told["plan"])}) if told else None


if __name__ == "__main__":
    main()
