"""The same question for the service and its rivals: the statement, its binds and the bytes of its answer."""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

from bench.cases import PAGE, Case, ask_once
from bench.command import report
from bench.load_world import TOKEN
from bench.rivals.targets import LoadError, Target
from tickiti_query.catalogue.predicate import Name, Names
from tickiti_query.compiler.page import compile_query
from tickiti_query.model.perspective import Selector
from tickiti_query.model.statement import Statement
from tickiti_query.model.token import read_credentials
from tickiti_query.replica.connection import Target as ReplicaTarget
from tickiti_query.replica.execution import deadline_from_now
from tickiti_query.replica.replica import Replica
from tickiti_query.reporting.perspectives import find_perspective
from tickiti_query.reporting.tokens import find_token


def compile_statement(session: ReplicaTarget, perspective_id: int, row_limit: int) -> Statement:
    """The statement that the service runs for this perspective, for the bench's token."""
    credentials = read_credentials(f"Bearer {TOKEN}")

    def work(source: Any) -> Statement:
        actor = find_token(source, credentials).actor
        perspective = find_perspective(source, Selector(id=perspective_id), actor)

        def refuse(_missing: Iterable[Name]) -> Names:
            raise LoadError(f"{perspective.title} needs names looked up, which the rivals do not do")

        statement, _ = compile_query(perspective, (), actor, row_limit, refuse)
        return statement

    replica = Replica(session, connections=1)
    try:
        return replica.read(work, deadline_from_now(replica.longest_read_seconds))
    finally:
        replica.close()


def read_session(session: ReplicaTarget) -> dict[str, str]:
    """The settings that the service gives its sessions, for the rivals to have the same."""
    return dict(session.settings)


def write_questions(path: Path, statements: Mapping[int, Statement]) -> Path:
    """The statements for the rivals, as bench/rivals/questions.py reads them."""
    questions = {}
    for number, statement in statements.items():
        binds = {name: value for name, value in statement.params}  # noqa: C416
        [queues] = [name for name in binds if name.startswith("queues")]
        [limit] = [name for name in binds if name.startswith("limit")]
        questions[number] = {"sql": statement.sql, "binds": binds, "queues": queues, "limit": limit}
    path.write_text(json.dumps(questions, indent=1))
    return path


def check_answers(targets: Mapping[str, Target], cases: Iterable[Case]) -> None:
    """LoadError unless every target gives byte for byte what the service gives."""
    for case in dict.fromkeys(Case(each.perspective_id, each.target, 0) for each in cases):
        ours = ask_once(targets["miss"], case.perspective_id).body
        theirs = ask_once(targets[case.target], case.perspective_id).body.removesuffix(b"\n")
        if ours != theirs:
            raise LoadError(f"{targets[case.target].title} gives other bytes for {case.perspective_id}")
        if len(json.loads(ours)["data"]) != PAGE:
            raise LoadError(f"perspective {case.perspective_id} has fewer than {PAGE} rows here")
    report(f"All {len(targets)} targets give the same bytes")
