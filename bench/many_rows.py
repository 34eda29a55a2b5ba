"""The time of 5,000 rows: ours, and psql's for the same statement."""

from __future__ import annotations

import contextlib
import os
import statistics
import subprocess
import time
from collections.abc import Iterator
from pathlib import Path

from bench.cases import HEADERS, MANY_ROWS, write_body
from bench.load_world import INDEXED
from bench.rivals.targets import LoadError, Target, ask
from demo.binaries import find_bindir
from tickiti_query.cli.explain import write_script
from tickiti_query.model.statement import Statement
from tickiti_query.replica.connection import Target as ReplicaTarget

TIMES = 7


def time_many_rows(target: Target, statement: Statement, session: ReplicaTarget, directory: Path) -> dict[str, float]:
    """Milliseconds to the last byte of 5,000 rows, in turns: ours, and psql's to /dev/null; both stay connected."""
    script = directory / "rows.sql"
    script.write_text(write_script(statement))
    question = write_body(INDEXED, MANY_ROWS).encode()
    taken: dict[str, list[float]] = {"ours": [], "psql": []}
    with contextlib.closing(target.connect()) as connection, open_psql(session) as psql:
        for _ in range(TIMES + 1):
            began = time.perf_counter()
            reply = ask(connection, HEADERS, question)
            taken["ours"].append(time.perf_counter() - began)
            if reply.status != 200 or reply.body.count(b'"ticket_id"') != MANY_ROWS:
                raise LoadError(f"{target.title} answered {reply.status} for {MANY_ROWS} rows")
            began = time.perf_counter()
            run_script(psql, script)
            taken["psql"].append(time.perf_counter() - began)
    return {name: 1000 * statistics.median(values[1:]) for name, values in taken.items()}  # the first warms up


@contextlib.contextmanager
def open_psql(session: ReplicaTarget) -> Iterator[subprocess.Popen[str]]:
    """A psql that reads its input, over the same kind of connection and with the same settings as the service."""
    command = [
        str(find_bindir() / "psql"),
        "-X",
        "-q",
        "-v",
        "ON_ERROR_STOP=1",
        "-o",
        os.devnull,
        session.url,
    ]
    environment = {**os.environ, "PGOPTIONS": session.options}
    with subprocess.Popen(command, env=environment, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as psql:
        yield psql
        psql.communicate("\\q\n")


def run_script(psql: subprocess.Popen[str], script: Path) -> None:
    """Run a script to its end; LoadError where psql gave up."""
    assert psql.stdin
    assert psql.stdout
    psql.stdin.write(f"\\i {script}\n\\echo done\n")
    psql.stdin.flush()
    if psql.stdout.readline() != "done\n":
        raise LoadError(f"psql did not run {script}")
