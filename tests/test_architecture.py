"""The house's rules, over the syntax tree: who may import whom, and what every module and route has."""

import ast
import json
import re
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

import app as composition
from config.settings import Settings
from tests.fake_replica import FakeReplica

ROOT = Path(__file__).parents[1]
PRODUCT = ("app.py", "wsgi.py", "config", "schemas", "tickiti_query")
EVERYTHING = (*PRODUCT, "tests", "bench")
OURS = {"app", "wsgi", "config", "schemas", "tickiti_query", "tests", "bench"}

# Pure: the standard library, each other, and nothing else.
CORE = {
    "actor",
    "answer",
    "arrival",
    "bulkhead",
    "compiler",
    "contract",
    "directory",
    "errors",
    "field",
    "fields",
    "fragments",
    "gate",
    "json_text",
    "matching",
    "numbers",
    "perspective",
    "predicate",
    "reader",
    "recipe",
    "reference",
    "relations",
    "request",
    "request_trace",
    "search",
    "server_state",
    "sharing",
    "standing",
    "statement",
    "values",
    "windows",
}
# One room with three doors: the exchange, its way through Flask, and the short way of an answer that is kept.
HTTP = {"views", "exchange", "hot_path"}
# Folders that hold modules of several of the rooms below: a module in one of them is of the room that its name says.
FOLDERS = {"model", "catalogue", "reporting", "cache", "admission", "query", "http", "operations"}
# Programs of their own: each is wired together in itself.
PROGRAMS = {"cli", "demo", "__main__"}

# room -> the rooms it may import from; an edge module or package is a room by its own name, and imports itself
MAY_IMPORT: dict[str, set[str]] = {
    "wsgi": {"app", "config"},
    "app": {"config", "schemas", "core", "service", "edge"},
    "config": set(),
    "config/gunicorn.conf": {"config", "edge"},  # it starts the operations port in each worker
    "schemas": set(),
    "core": set(),
    "service": {"core"},
    "http": {"core", "schemas", "service"},
    "front": {"core"},
    "body": {"core", "schemas"},
    "cli": {"config", "core", "edge"},
    "demo": {"core"},
    "recipe_book": {"core", "edge"},  # a recipe takes as much beside its payload as any entry of the cache
    "__main__": {"cli"},
}
EDGE = {"core"}  # what every other edge module may import

# room -> packages of others; rooms that are not named may have what requirements.in lists
PACKAGES: dict[str, set[str]] = {
    "core": set(),
    "service": set(),
    "wsgi": set(),
    "schemas": {"marshmallow"},
    "config": {"limits", "msgspec", "psycopg2"},
}


def list_modules(*tops: str) -> list[Path]:
    paths = [ROOT / top for top in tops]
    files = [path for path in paths if path.is_file()]
    files += [file for path in paths if path.is_dir() for file in sorted(path.rglob("*.py"))]
    return [file.relative_to(ROOT) for file in files]


def parse(path: Path) -> ast.Module:
    return ast.parse((ROOT / path).read_text("utf-8"), str(path))


def find_room(path: Path) -> str:
    """The room a file is in."""
    if path.name == "gunicorn.conf.py":
        return "config/gunicorn.conf"
    if path.parts[0] != "tickiti_query":
        return path.parts[0].removesuffix(".py")
    parts = [part.removesuffix(".py") for part in path.parts[1:]] or ["__init__"]
    if parts[0] in FOLDERS:
        parts = parts[1:] or ["__init__"]
    name = parts[0]
    if name in CORE or name == "__init__":
        return "core"
    return "http" if name in HTTP else name


def locate(module: str) -> Path:
    """The file (or package) of a module of ours."""
    path = Path(*module.split("."))
    return path.with_suffix(".py") if (ROOT / path.with_suffix(".py")).is_file() else path


def list_imports(path: Path) -> Iterator[str]:
    """Every module that a file imports, wherever in it; `from package import module` counts as the module."""
    for node in ast.walk(parse(path)):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            package = list(path.parts[:-1][: len(path.parts) - node.level]) if node.level else []
            base = ".".join([*package, *([node.module] if node.module else [])])
            for alias in node.names:
                inner = f"{base}.{alias.name}"
                yield inner if base.split(".")[0] in OURS and (ROOT / locate(inner)).exists() else base


def may_import(room: str, other: str) -> bool:
    if other in {room, "__init__"} or (room == "config/gunicorn.conf" and other == "config"):
        return True
    allowed = MAY_IMPORT.get(room, EDGE)
    is_edge = other not in MAY_IMPORT or other in {"http", "body", "recipe_book"}
    return other in allowed or ("edge" in allowed and is_edge)


@pytest.mark.parametrize("path", list_modules(*PRODUCT), ids=str)
def test_a_module_imports_only_from_rooms_that_it_may_know(path: Path) -> None:
    room = find_room(path)
    for module in list_imports(path):
        if module.split(".")[0] in OURS:
            other = find_room(locate(module))
            assert may_import(room, other), f"{path} ({room}) must not import {module} ({other})"


@pytest.mark.parametrize("path", list_modules(*PRODUCT), ids=str)
def test_a_module_imports_only_packages_that_its_room_has(path: Path) -> None:
    room = find_room(path)
    if room in PACKAGES:
        tops = {module.split(".")[0] for module in list_imports(path)}
        assert tops - OURS - sys.stdlib_module_names <= PACKAGES[room]


def test_the_table_of_rooms_names_what_is_there() -> None:
    there = {path.name.removesuffix(".py") for path in (ROOT / "tickiti_query").rglob("*")}
    assert (
        set(MAY_IMPORT) - {"wsgi", "app", "config", "config/gunicorn.conf", "schemas", "core", "http"}
        <= there
    )
    assert there >= CORE


@pytest.mark.parametrize("path", list_modules(*EVERYTHING), ids=str)
def test_a_module_opens_with_a_sentence_that_says_what_it_is_for(path: Path) -> None:
    docstring = ast.get_docstring(parse(path))
    assert docstring, f"{path} has no docstring"
    assert re.match(r"\S.*?[.:?!](\s|$)", docstring, re.DOTALL), (
        f"{path}: its docstring opens with no sentence"
    )


@pytest.mark.parametrize("path", list_modules(*EVERYTHING), ids=str)
def test_a_file_is_named_after_what_it_holds(path: Path) -> None:
    assert not {"utils", "util", "helpers", "helper", "common", "manager", "misc"} & set(path.stem.split("_"))


@pytest.mark.parametrize("path", list_modules(*PRODUCT), ids=str)
def test_product_code_is_finished_and_prints_nothing(path: Path) -> None:
    assert not re.search(r"\b(TODO|FIXME|XXX)\b", (ROOT / path).read_text("utf-8"))
    if find_room(path) not in PROGRAMS:
        # What stands under `if __name__ == "__main__"` is a command of its own.
        body = [node for node in parse(path).body if "__main__" not in ast.unparse(node).partition("\n")[0]]
        calls = [node for part in body for node in ast.walk(part) if isinstance(node, ast.Call)]
        assert not [call for call in calls if isinstance(call.func, ast.Name) and call.func.id == "print"]


def test_every_api_route_authenticates(monkeypatch: pytest.MonkeyPatch) -> None:
    replica = FakeReplica()
    monkeypatch.setattr(composition, "Replica", lambda *_, **__: replica)
    app = composition.create_app(Settings(replica_url="postgresql://nobody@/nothing"))
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
