"""Count how far three requests walk through our own files, and print the counts as JSON.

bench/trace.py runs it with the interpreter of a checkout, in that checkout: it imports nothing else of the benches, and
nothing of the service but what a checkout of any age has.
"""

from __future__ import annotations

import gc
import json
import os
import sys
import threading
from collections.abc import Callable, Iterable
from dataclasses import asdict, dataclass, field
from io import BytesIO
from pathlib import Path
from types import CodeType, FrameType
from typing import Any
from wsgiref.util import setup_testing_defaults

import psycopg2

PRODUCT = ("app.py", "wsgi.py", "config/", "schemas/", "tickiti_query/")
BODY = b'{"perspective_id": 3}'

WsgiApp = Callable[[dict[str, Any], Callable[..., Any]], Iterable[bytes]]


@dataclass
class Walk:
    """The calls of one request into our own files. `files` are in the order in which they are entered first."""

    calls: int = 0
    changes: int = 0
    files: dict[str, int] = field(default_factory=dict)
    last: str = ""

    def enter(self, file: str) -> None:
        """Count a call of a function in this file."""
        self.calls += 1
        self.changes += file != self.last and self.last != ""
        self.files[file] = self.files.get(file, 0) + 1
        self.last = file


def main() -> None:
    """Ask for one token what makes whatever is made once, and count the same requests for another token."""
    root = f"{Path.cwd()}/"
    app = load_app()
    with psycopg2.connect(os.environ["BENCH_PRIMARY_URL"]) as primary:
        ask_three(app, root, primary, os.environ["BENCH_OTHER_TOKEN"])
        walks = ask_three(app, root, primary, os.environ["BENCH_TOKEN"])
    json.dump({name: asdict(walk) for name, walk in walks.items()}, sys.stdout)


def load_app() -> WsgiApp:
    """Return the WSGI app of the checkout that we are in. The name of its composition root has changed over time."""
    sys.path.insert(0, os.getcwd())
    import app as composition  # noqa: PLC0415
    from config.settings import load_settings  # noqa: PLC0415

    create = getattr(composition, "create_service", None) or composition.create_app  # type: ignore[attr-defined]
    made = create(load_settings(os.environ))
    app: WsgiApp = getattr(made, "app", made)
    return app


def ask_three(app: WsgiApp, root: str, primary: Any, token: str) -> dict[str, Walk]:
    """Return the walks of a cold request, of the same as a hit, and of the same once more after a commit."""
    walks: dict[str, Walk] = {}
    for name, expected in (("cold", "miss"), ("hit", "hit"), ("repeated miss", "miss")):
        if name == "repeated miss":
            with primary.cursor() as cursor:
                cursor.execute("UPDATE reporting.users SET name = name WHERE id = 1")
            primary.commit()
        walks[name] = Walk()
        with Profile(root, walks[name]):
            cache = ask(app, token)
        if expected not in cache:
            raise AssertionError(f"{name}: Cache-Status is {cache!r}")
    return walks


def ask(app: WsgiApp, token: str) -> str:
    """Ask as gunicorn does, read the answer to its end, and return its Cache-Status."""
    environ: dict[str, Any] = {
        "REQUEST_METHOD": "POST",
        "PATH_INFO": "/api/v1/tickets/query",
        "SERVER_PORT": "8080",
        "REMOTE_ADDR": "203.0.113.9",
        "CONTENT_TYPE": "application/json",
        "CONTENT_LENGTH": str(len(BODY)),
        "HTTP_AUTHORIZATION": f"Bearer {token}",
        "wsgi.input": BytesIO(BODY),
    }
    setup_testing_defaults(environ)
    answers: list[tuple[str, dict[str, str]]] = []
    chunks = app(environ, lambda status, headers, *_: answers.append((status, dict(headers))))
    content = b"".join(chunks)
    if hasattr(chunks, "close"):
        chunks.close()
    [(status, headers)] = answers
    if not status.startswith("200"):
        raise AssertionError(f"{status}: {content.decode()}")
    return headers["Cache-Status"]


class Profile:
    """Counts calls while it is entered, in this thread and in those that begin meanwhile.

    Comprehensions are no calls, whatever Python makes of them; a generator that goes on is one.
    """

    def __init__(self, root: str, walk: Walk) -> None:
        self.root = root
        self.walk = walk
        self.files: dict[CodeType, str | None] = {}

    def __enter__(self) -> None:
        gc.disable()  # what it ends at any moment is no part of a request
        threading.setprofile(self.count)
        sys.setprofile(self.count)

    def __exit__(self, *_: object) -> None:
        sys.setprofile(None)
        threading.setprofile(None)
        gc.enable()

    def count(self, frame: FrameType, event: str, _argument: object) -> None:
        """Count a call of a function of ours."""
        if event == "call":
            file = self.find_file(frame.f_code)
            if file is not None:
                self.walk.enter(file)

    def find_file(self, code: CodeType) -> str | None:
        """Return the file of a function in the checkout; None where it is not the product's."""
        file = code.co_filename.removeprefix(self.root)
        is_comprehension = code.co_name.endswith(("comp>", "genexpr>"))
        return file if file.startswith(PRODUCT) and not is_comprehension else None


if __name__ == "__main__":
    main()
