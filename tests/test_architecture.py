"""The rules of the house: which room may import which, and what every module and route has."""

import ast
import json
import re
from collections.abc import Iterator
from pathlib import Path

import pytest

import app as composition
from config.settings import Settings
from tests.support.fake_replica import FakeReplica
from tests.support.imports import Rules, find_idle_rules, find_offences
from tests.support.names import find_ambiguous_names

ROOT = Path(__file__).parents[1]
PRODUCT = ("app.py", "wsgi.py", "config", "schemas", "tickiti_query")
ROOMS = (*PRODUCT, "demo")  # what the table is about
EVERYTHING = (*ROOMS, "tests", "bench")
PROGRAMS = ("tickiti_query/cli/",)  # what they print is what they are for

# room -> the rooms that it may import. tests/support/imports.py says what a room is.
TABLE: dict[str, set[str]] = {
    # values and rules, without any input or output
    "model": set(),
    "catalogue": {"model"},
    "compiler": {"catalogue", "model"},
    # the replica's rows, the replica itself, what is kept of it, and who may ask it
    "reporting": {"catalogue", "model"},
    "admission": {"model"},
    "cache": {"model"},
    "replica": {
        "cache",
        "config",  # the service and the commands take the target of their connections from the same settings
        "model",
    },
    # a request, from its credentials to its answer; it names the replica and the reporting room themselves, because
    # protocols between them had one implementation each
    "query": {"admission", "cache", "catalogue", "compiler", "model", "replica", "reporting"},
    "http": {"catalogue", "model", "query", "schemas"},
    "operations": {"http", "model", "reporting"},  # a span is made of the context of a request
    "server": {"http", "model", "operations"},
    # programs: each is wired together in itself
    "cli": {
        "cache",
        "catalogue",
        "compiler",
        "config",
        "http",
        "model",
        "replica",
        "reporting",
    },
    "demo": {"reporting"},  # the names and types of the contract's relations
    # what is outside the rooms
    "__init__.py": set(),
    "__main__.py": {"cli"},
    "schemas": {
        "catalogue",  # rows are drawn from its columns, and criteria name its modes
        "model",  # its reader of digits, which bounds them
    },
    "config": set(),
    "config/gunicorn.conf.py": {
        "config",
        "model",  # how long a body may be
        "reporting",  # the log's first line has the version of the contract
        "wsgi.py",  # its hooks read the service there
    },
    "app.py": {
        "admission",
        "cache",
        "config",
        "http",
        "model",
        "operations",
        "query",
        "replica",
        "reporting",
    },
    "wsgi.py": {"app.py", "config"},
}
PURE = {"model", "catalogue", "compiler"}
# room -> the packages of others that it may import; a room that is not named may import what requirements.in lists
PACKAGES: dict[str, set[str]] = {
    "admission": {"cachetools", "limits", "redis"},
    "cache": {"cachetools"},
    "config": {"gevent", "gunicorn", "limits", "msgspec", "psycopg2"},
    "server": {"gevent", "gunicorn"},
    "query": {"cachetools", "msgspec"},
    "reporting": {"cachetools"},
    "schemas": {"marshmallow"},
    "wsgi.py": set(),
}
# name -> the rooms in which it may be defined more than once. Every other name stands for one thing.
SHARED_NAMES: dict[str, set[str]] = {
    "run": {"cli"},  # of each command
    "main": {"cli", "demo"},  # `python -m` and scripts begin with it
}
LONGEST_MODULE = 250  # lines
TABLES_OF_CASES = {"bench/shape_cases.py"}  # a table is read by the row, and may be longer
RULES = Rules(TABLE, PURE, PACKAGES)


def list_modules(*tops: str) -> Iterator[Path]:
    for top in tops:
        path = ROOT / top
        yield from [path] if path.is_file() else sorted(path.rglob("*.py"))


def read_sources(*tops: str) -> dict[str, str]:
    """The text of each module by its path in the repository."""
    return {str(path.relative_to(ROOT)): path.read_text("utf-8") for path in list_modules(*tops)}


def test_rooms_import_only_what_the_table_allows() -> None:
    assert find_offences(read_sources(*ROOMS), RULES) == []


def test_the_table_allows_nothing_that_is_not_needed() -> None:
    assert list(find_idle_rules(read_sources(*ROOMS), RULES)) == []


# path, text, and what is said of it
PLANTS = {
    "the model imports the replica": (
        "tickiti_query/model/planted.py",
        "from tickiti_query.replica.replica import Pool",
        "tickiti_query/model/planted.py:1: model must not import replica (tickiti_query.replica.replica)",
    ),
    "the model imports a room by its name": (
        "tickiti_query/model/planted.py",
        "from tickiti_query import replica",
        "tickiti_query/model/planted.py:1: model must not import replica (tickiti_query.replica)",
    ),
    "the compiler imports the cache": (
        "tickiti_query/compiler/planted.py",
        "import tickiti_query.cache.cache",
        "tickiti_query/compiler/planted.py:1: compiler must not import cache (tickiti_query.cache.cache)",
    ),
    "the statement imports the concurrency limiter": (
        "tickiti_query/model/statement.py",
        "from tickiti_query.admission import capacity",
        "tickiti_query/model/statement.py:1: model must not import admission (tickiti_query.admission.capacity)",
    ),
    "a relative import leaves the room": (
        "tickiti_query/model/planted.py",
        "from ..cache.cache import Cache",
        "tickiti_query/model/planted.py:1: model must not import cache (tickiti_query.cache.cache)",
    ),
    "a relative import names a room": (
        "tickiti_query/compiler/__init__.py",
        "from .. import cache",
        "tickiti_query/compiler/__init__.py:1: compiler must not import cache (tickiti_query.cache)",
    ),
    "an import in a function": (
        "tickiti_query/catalogue/planted.py",
        "def read():\n    from tickiti_query.query import service",
        "tickiti_query/catalogue/planted.py:2: catalogue must not import query (tickiti_query.query.service)",
    ),
    "an import for types alone": (
        "tickiti_query/catalogue/planted.py",
        "from typing import TYPE_CHECKING\nif TYPE_CHECKING:\n    import app",
        "tickiti_query/catalogue/planted.py:3: catalogue must not import app.py (app)",
    ),
    "an import by a call": (
        "tickiti_query/replica/planted.py",
        "import importlib\nimportlib.import_module('tickiti_query.http.views')",
        "tickiti_query/replica/planted.py:2: replica must not import http (tickiti_query.http.views)",
    ),
    "the configuration imports a room": (
        "config/planted.py",
        "from tickiti_query.model import errors",
        "config/planted.py:1: config must not import model (tickiti_query.model.errors)",
    ),
    "a room imports a program": (
        "tickiti_query/reporting/planted.py",
        "from tickiti_query.cli import main",
        "tickiti_query/reporting/planted.py:1: reporting must not import cli (tickiti_query.cli)",
    ),
    "the product imports the demo": (
        "tickiti_query/cli/planted.py",
        "from demo.pair import Pair",
        "tickiti_query/cli/planted.py:1: cli must not import demo (demo.pair)",
    ),
    "a folder that the table does not name": (
        "tickiti_query/planted/__init__.py",
        "",
        "the table does not name planted",
    ),
    "a module that is in no folder": (
        "tickiti_query/planted.py",
        "",
        "the table does not name planted.py",
    ),
    "a cycle": (
        "tickiti_query/cache/planted.py",
        "from tickiti_query.replica.replica import Pool",
        "a cycle: cache -> replica -> cache",
    ),
    "a longer cycle": (
        "tickiti_query/admission/planted.py",
        "from tickiti_query.http import views",
        "a cycle: admission -> http -> query -> admission",
    ),
    "a package in the model": (
        "tickiti_query/model/planted.py",
        "import msgspec",
        "tickiti_query/model/planted.py:1: model is pure and must not import msgspec",
    ),
    "a package in the schemas": (
        "schemas/planted.py",
        "from flask import Flask",
        "schemas/planted.py:1: schemas must not import the package flask",
    ),
    "a file is opened in the catalogue": (
        "tickiti_query/catalogue/planted.py",
        "TEXT = open('values.txt').read()",
        "tickiti_query/catalogue/planted.py:1: catalogue is pure and must not call open",
    ),
}


@pytest.mark.parametrize(("path", "text", "offence"), PLANTS.values(), ids=PLANTS)
def test_a_planted_import_is_found(path: str, text: str, offence: str) -> None:
    assert offence in find_offences({**read_sources(*ROOMS), path: text}, RULES)


@pytest.mark.parametrize("room", sorted(PURE))
@pytest.mark.parametrize(
    "text",
    [
        "import socket",
        "import subprocess",
        "import threading",
        "import time",
        "import logging.config",
        "import os.path",
        "from os import environ",
        "from urllib import request",
        "from urllib.parse import quote",
        "import re, urllib",
        "from time import monotonic as clock",
        "def read():\n    import socket",
        "class Value:\n    from subprocess import run",
        "__import__('socket')",
        "import importlib",
        "from pathlib import Path",
    ],
)
def test_a_pure_room_does_not_touch_the_world(room: str, text: str) -> None:
    path = f"tickiti_query/{room}/values.py"
    found = find_offences({path: text}, RULES)
    assert [each for each in found if each.startswith(path) and f"{room} is pure and must not" in each]


def test_an_arrow_and_a_room_that_are_not_needed_are_found() -> None:
    rules = Rules({**TABLE, "model": {"schemas"}, "attic": set()}, PURE, PACKAGES)
    assert list(find_idle_rules(read_sources(*ROOMS), rules)) == [
        "the table names attic, which is not there",
        "the table lets model import schemas, which it does not",
    ]


def test_a_name_is_defined_once() -> None:
    assert list(find_ambiguous_names(read_sources(*ROOMS), RULES, SHARED_NAMES)) == []


@pytest.mark.parametrize(
    ("path", "text", "found"),
    [
        (
            "tickiti_query/cache/planted.py",
            "class Actor: ...",
            ["Actor is defined in tickiti_query/cache/planted.py and in tickiti_query/model/token.py"],
        ),
        (
            "tickiti_query/server/planted.py",
            "async def read_flag(): ...",
            ["read_flag is defined in tickiti_query/catalogue/values.py and in tickiti_query/server/planted.py"],
        ),
        ("tickiti_query/cli/planted.py", "def run(): ...\ndef _group(): ...", []),
        ("tickiti_query/cache/planted.py", "from tickiti_query.model.token import Actor", []),
    ],
)
def test_a_planted_name_is_found(path: str, text: str, found: list[str]) -> None:
    sources = {**read_sources(*ROOMS), path: text}
    assert list(find_ambiguous_names(sources, RULES, SHARED_NAMES)) == found


def test_a_name_that_may_be_shared_may_be_so_only_in_its_rooms() -> None:
    sources = {**read_sources(*ROOMS), "tickiti_query/http/planted.py": "def main(): ..."}
    [sentence] = find_ambiguous_names(sources, RULES, SHARED_NAMES)
    assert sentence.startswith("main is defined in demo/__main__.py and in tickiti_query/cli/__init__.py and in ")


def test_every_module_opens_with_a_sentence_that_says_what_it_is_for() -> None:
    docstrings = {path: ast.get_docstring(ast.parse(text)) or "" for path, text in read_sources(*EVERYTHING).items()}
    sentence = re.compile(r"\S.*?[.:?!](\s|$)", re.DOTALL)
    assert [path for path, docstring in docstrings.items() if not sentence.match(docstring)] == []


def list_docstrings(text: str) -> Iterator[str]:
    for node in ast.walk(ast.parse(text)):
        if isinstance(node, ast.Module | ast.ClassDef | ast.FunctionDef | ast.AsyncFunctionDef):
            yield ast.get_docstring(node) or ""


def test_a_docstring_begins_with_a_verb_or_with_the_name_of_the_value() -> None:
    question = re.compile(r"(What|Who|Whose|Where|Whether|How|Why|When)\b")
    sources = read_sources(*EVERYTHING)
    docstrings = [(path, each) for path, text in sources.items() for each in list_docstrings(text)]
    assert [(path, each) for path, each in docstrings if question.match(each)] == []


def test_a_module_is_short() -> None:
    sources = read_sources(*ROOMS, "bench")
    long = {path for path, text in sources.items() if text.count("\n") > LONGEST_MODULE}
    assert long == TABLES_OF_CASES


def test_every_file_is_named_after_what_it_holds() -> None:
    vague = {"utils", "util", "helpers", "helper", "common", "manager", "misc"}
    assert [path for path in list_modules(*EVERYTHING) if vague & set(path.stem.split("_"))] == []


def test_every_file_of_unit_tests_is_named_after_its_module_in_a_folder_of_its_room() -> None:
    """A file that is named after its room is about the room as a whole."""
    places = [ROOT / "tickiti_query", ROOT / "tests", ROOT]
    lost = []
    for path in sorted((ROOT / "tests" / "unit").rglob("test_*.py")):
        room = path.parent.relative_to(ROOT / "tests" / "unit")
        module = room / f"{path.stem.removeprefix('test_')}.py"
        if room.name != module.stem and not any((place / module).exists() for place in places):
            lost.append(str(path.relative_to(ROOT)))
    assert lost == []


def test_no_file_of_tests_reads_another() -> None:
    """Shared names stand in tests/support or tests/oracle."""
    sources = read_sources("tests")
    assert [path for path, text in sources.items() if re.search(r"^(from|import) tests[.\w]*\.test_", text, re.M)] == []


def test_product_code_is_finished() -> None:
    sources = read_sources(*ROOMS)
    assert [path for path, text in sources.items() if re.search(r"\b(TODO|FIXME|XXX)\b", text)] == []


def list_prints(text: str) -> list[int]:
    """The lines that print. What stands under `if __name__ == "__main__"` is a command of its own."""
    body = [node for node in ast.parse(text).body if "__main__" not in ast.unparse(node).partition("\n")[0]]
    calls = [node for part in body for node in ast.walk(part) if isinstance(node, ast.Call)]
    return [call.lineno for call in calls if isinstance(call.func, ast.Name) and call.func.id == "print"]


def test_the_service_prints_nothing() -> None:
    sources = read_sources(*PRODUCT)
    assert [path for path, text in sources.items() if not path.startswith(PROGRAMS) and list_prints(text)] == []


def test_every_api_route_authenticates(monkeypatch: pytest.MonkeyPatch) -> None:
    replica = FakeReplica()
    monkeypatch.setattr(composition, "Replica", lambda *_, **__: replica)
    app = composition.create_service(Settings(replica_url="postgresql://nobody@/nothing")).app
    routes = [
        (method, rule.rule)
        for rule in app.url_map.iter_rules()
        for method in rule.methods or ()
        if rule.rule.startswith("/api")
    ]
    assert routes
    for method, path in routes:
        assert "<" not in path, f"{path} has a variable: give it a value here"
        response = app.test_client().open(path, method=method)
        assert response.status_code == 401, (method, path)
        assert json.loads(response.data)["error"] == "unauthenticated"
