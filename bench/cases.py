"""The questions that the benches under load ask, the same for everybody, and how many ask them at once."""

from __future__ import annotations

import contextlib
import json
from dataclasses import dataclass

from bench.load_world import SCENARIOS, TOKEN
from bench.rivals.targets import LoadError, Reply, Target, ask

HEADERS = {"Authorization": f"Bearer {TOKEN}", "Content-Type": "application/json"}
PAGE = 100
MANY_ROWS = 5000
QUESTIONS = 16  # of as many different lengths, around that of a page


@dataclass(frozen=True)
class Case:
    """One target under one load: the same question again and again, or several in turn."""

    perspective_id: int
    target: str
    clients: int
    questions: int = 1

    @property
    def scenario(self) -> str:
        """The list, and what is asked for of it."""
        return SCENARIOS[self.perspective_id] + f"; {self.questions} questions in turn" * (self.questions > 1)

    def write_bodies(self) -> list[str]:
        """The bodies of its questions."""
        first = PAGE - (self.questions - 1) // 2
        return [write_body(self.perspective_id, first + number) for number in range(self.questions)]


def write_body(perspective_id: int, row_limit: int = PAGE) -> str:
    """The request's body."""
    return json.dumps({"perspective_id": perspective_id, "row_limit": row_limit})


def ask_once(target: Target, perspective_id: int, row_limit: int = PAGE) -> Reply:
    """One answer; LoadError where it is none."""
    with contextlib.closing(target.connect()) as connection:
        reply = ask(connection, HEADERS, write_body(perspective_id, row_limit).encode())
    if reply.status != 200:
        raise LoadError(f"{target.title} answered {reply.status}: {reply.body[:200]!r}")
    return reply
