"""The rules for imports between rooms, checked over the syntax trees of sources.

A room is a folder of the package or one beside it; a file that is in no folder is a room of its own. Sources are texts
by path, so that a test can plant a file that is not there.
"""

import ast
import sys
from collections.abc import Iterator, Mapping, Set
from dataclasses import dataclass
from pathlib import PurePosixPath

PACKAGE = "tickiti_query"
# The standard modules of a pure room. Whatever else Python has may touch the world: sockets, files, clocks, threads.
PURE_STANDARD = frozenset(
    {
        "collections",
        "dataclasses",
        "datetime",
        "enum",
        "functools",
        "hashlib",
        "ipaddress",
        "itertools",
        "json",
        "math",
        "re",
        "typing",
    }
)
# Functions of Python's own by which a module reaches the world without an import.
WORLDLY_FUNCTIONS = frozenset({"__import__", "eval", "exec", "input", "open"})

Sources = Mapping[str, str]
Table = Mapping[str, Set[str]]


@dataclass(frozen=True, slots=True)
class Import:
    """One import in a file: the name of the module, as if it had been written in full."""

    path: str
    line: int
    module: str

    @property
    def place(self) -> str:
        """The place of the import, for messages: `tickiti_query/model/token.py:5`."""
        return f"{self.path}:{self.line}"

    @property
    def top(self) -> str:
        """The name before the first dot."""
        return self.module.partition(".")[0]


@dataclass(frozen=True, slots=True)
class Rules:
    """The rules for imports.

    `table` maps each room to the rooms that it may import. The package's `__init__.py` may be imported by all. `pure`
    names the rooms that may import nothing but each other and PURE_STANDARD. `packages` maps a room to the packages of
    others that it may import; a room that is not named may import any.
    """

    table: Table
    pure: Set[str]
    packages: Table

    def find_room(self, path: str) -> str:
        """Return the room of a file: the file itself where the table names it, else its folder."""
        inner = path.removeprefix(f"{PACKAGE}/")
        return inner if inner in self.table else inner.partition("/")[0]

    def find_imported_room(self, module: str) -> str:
        """Return the room of a module of this project, by its name alone."""
        path = module.replace(".", "/").removeprefix(PACKAGE).removeprefix("/")
        room, slash, _ = path.partition("/")
        if not room:
            return "__init__.py"
        return room if slash or room in self.table else f"{room}.py"


def list_imports(path: str, text: str, names: Set[str] = frozenset()) -> Iterator[Import]:
    """Yield each import of a file, wherever in the file it stands.

    `from package import name` is an import of `package.name` where `names` has that, else of `package`.
    """
    package = PurePosixPath(path).parts[:-1]
    for node in ast.walk(ast.parse(text, path)):
        if isinstance(node, ast.Import):
            yield from (Import(path, node.lineno, alias.name) for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            parts = package[: len(package) - node.level + 1] if node.level else ()
            base = ".".join([*parts, *([node.module] if node.module else [])])
            for alias in node.names:
                inner = f"{base}.{alias.name}"
                yield Import(path, node.lineno, inner if inner in names else base)
        elif isinstance(node, ast.Call) and ast.unparse(node.func).endswith(("import_module", "__import__")):
            for argument in node.args[:1]:
                if isinstance(argument, ast.Constant):
                    yield Import(path, node.lineno, str(argument.value))


def list_all_imports(sources: Sources, rules: Rules) -> list[Import]:
    """Return each import of each file. The names of modules come from the table and from the sources."""
    names = {f"{PACKAGE}.{room.removesuffix('.py')}" for room in rules.table}
    names |= {path.removesuffix(".py").removesuffix("/__init__").replace("/", ".") for path in sources}
    names |= {".".join(PurePosixPath(path).parts[:depth]) for path in sources for depth in (1, 2)}
    return [each for path, text in sources.items() for each in list_imports(path, text, names)]


def find_offences(sources: Sources, rules: Rules) -> list[str]:
    """Return a sentence for each import that the rules forbid, for each cycle, and for each gap in the table."""
    imports = list_all_imports(sources, rules)
    tops = {PACKAGE, *(path.partition("/")[0].removesuffix(".py") for path in sources)}
    ours = [each for each in imports if each.top in tops]
    others = [each for each in imports if each.top not in tops]
    return [
        *find_unknown_rooms(sources, rules),
        *find_forbidden_arrows(ours, rules),
        *find_cycles(list_arrows(ours, rules)),
        *find_impure_imports(others, rules),
        *find_worldly_calls(sources, rules),
        *find_forbidden_packages(others, rules),
    ]


def find_unknown_rooms(sources: Sources, rules: Rules) -> Iterator[str]:
    """Yield a sentence for each room that the table does not name."""
    rooms = {rules.find_room(path) for path in sources}
    yield from (f"the table does not name {room}" for room in sorted(rooms - rules.table.keys()))


def find_forbidden_arrows(imports: list[Import], rules: Rules) -> Iterator[str]:
    """Yield a sentence for each import of a room that the table does not allow."""
    for each in imports:
        room, other = rules.find_room(each.path), rules.find_imported_room(each.module)
        if other not in {room, "__init__.py", *rules.table.get(room, ())}:
            yield f"{each.place}: {room} must not import {other} ({each.module})"


def list_arrows(imports: list[Import], rules: Rules) -> dict[str, set[str]]:
    """Return the rooms that each room imports, itself left out."""
    arrows: dict[str, set[str]] = {}
    for each in imports:
        room, other = rules.find_room(each.path), rules.find_imported_room(each.module)
        if other not in {room, "__init__.py"}:
            arrows.setdefault(room, set()).add(other)
    return arrows


def find_cycles(arrows: Table) -> Iterator[str]:
    """Yield a sentence for each cycle, which begins with the first of its rooms by name."""
    for start in sorted(arrows):
        paths: list[tuple[str, ...]] = [(start,)]
        while paths:
            path = paths.pop()
            for room in sorted(arrows.get(path[-1], ())):
                if room == start:
                    yield f"a cycle: {' -> '.join([*path, start])}"
                elif room > start and room not in path:
                    paths.append((*path, room))


def find_impure_imports(imports: list[Import], rules: Rules) -> Iterator[str]:
    """Yield a sentence for each import by which a pure room would touch the world."""
    for each in imports:
        room = rules.find_room(each.path)
        if room in rules.pure and each.top not in PURE_STANDARD:
            yield f"{each.place}: {room} is pure and must not import {each.module}"


def find_worldly_calls(sources: Sources, rules: Rules) -> Iterator[str]:
    """Yield a sentence for each use of a function of Python's own by which a pure room would touch the world."""
    for path, text in sources.items():
        if rules.find_room(path) in rules.pure:
            for node in ast.walk(ast.parse(text, path)):
                if isinstance(node, ast.Name) and node.id in WORLDLY_FUNCTIONS:
                    yield f"{path}:{node.lineno}: {rules.find_room(path)} is pure and must not call {node.id}"


def find_forbidden_packages(imports: list[Import], rules: Rules) -> Iterator[str]:
    """Yield a sentence for each package of others that the room may not import."""
    for each in imports:
        room = rules.find_room(each.path)
        allowed = {*rules.packages.get(room, {each.top}), *sys.stdlib_module_names}
        if each.top not in allowed:
            yield f"{each.place}: {room} must not import the package {each.top}"


def find_idle_rules(sources: Sources, rules: Rules) -> Iterator[str]:
    """Yield a sentence for each room of the table that is not there, and for each arrow that no import needs."""
    rooms = {rules.find_room(path) for path in sources}
    yield from (f"the table names {room}, which is not there" for room in sorted(rules.table.keys() - rooms))
    arrows = list_arrows(list_all_imports(sources, rules), rules)
    for room, others in rules.table.items():
        for other in sorted(others - arrows.get(room, set())):
            yield f"the table lets {room} import {other}, which it does not"
