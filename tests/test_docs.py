"""The documents say what is there, all of it, and nothing else."""

import argparse
import ast
import re

import pytest

from config import environment
from config.settings import VARIABLES, Settings
from tests.support.documents import DOCUMENTS, ROOT, Document, read_document
from tickiti_query.cli import add_commands
from tickiti_query.model.errors import QueryError, TransientError

README, API = read_document("README.md"), read_document("docs/api.md")
EVERYTHING = "\n".join(document.text for document in DOCUMENTS)
NOT_THE_SERVICES = {"TICKITI_PG_BINDIR"}  # the tests' own
# Headers that are said of a request, and those that any server sends.
ASKED = {"Authorization", "Content-Type", "Content-Encoding", "X-Forwarded-For"}
USUAL = {
    "Content-Type",
    "Content-Length",
    "CONTENT-LENGTH",
}  # gunicorn has names in capitals
HEADER = r"(?:X|[A-Z][A-Za-z]+)(?:-[A-Z][A-Za-z]*)+|Allow"

each_document = pytest.mark.parametrize("document", DOCUMENTS, ids=lambda document: document.name)


@each_document
def test_every_link_leads_somewhere(document: Document) -> None:
    for link in document.links:
        path, _, anchor = link.partition("#")
        target = (ROOT / document.name).parent / path if path else ROOT / document.name
        assert target.exists(), link
        if anchor:
            assert anchor in read_document(str(target.resolve().relative_to(ROOT))).anchors, link


@each_document
def test_no_block_of_code_is_overlooked(document: Document) -> None:
    assert "```" not in document.prose


def test_the_readme_leads_to_every_document() -> None:
    linked = {link.partition("#")[0] for link in README.links}
    assert {document.name for document in DOCUMENTS} - {README.name} <= linked


def spell(default: object) -> str:
    """A default as the table has it."""
    if default is None:
        return "none"
    return f"`{str(default).lower()}`" if isinstance(default, bool | str) else str(default)


def read_settings() -> dict[str, str]:
    """Of each variable in the README's table, what is said to be its default."""
    found: dict[str, str] = {}
    for names, defaults in re.findall(r"^\| (`TICKITI_[^|]+) \| ([^|]+) \|", README.text, re.MULTILINE):
        found.update(zip(re.findall(r"`(\w+)`", names), defaults.split(", "), strict=True))
    return found


def test_every_setting_is_in_the_table_with_its_default() -> None:
    fields = Settings.__dataclass_fields__
    expected = {variable: spell(fields[name].default) for variable, (name, _) in VARIABLES.items()}
    assert read_settings() == {**expected, "TICKITI_REPLICA_URL": "required"}


@each_document
def test_every_variable_that_is_named_is_a_setting(document: Document) -> None:
    named = set(re.findall(r"\bTICKITI_[A-Z_]+\b", document.text))
    assert named <= {*VARIABLES, *NOT_THE_SERVICES}


def test_every_variable_that_asks_for_traces_is_documented() -> None:
    text = read_document("docs/traces.md").text
    for name in (environment.EXPORTER, *environment.ENDPOINTS, *environment.PROTOCOLS, "OTEL_SDK_DISABLED"):
        assert f"`{name}`" in text


def list_errors(kind: type[QueryError] = QueryError) -> set[type[QueryError]]:
    """All errors that can be answered."""
    below = {error for child in kind.__subclasses__() for error in list_errors(child)}
    return below if kind is TransientError else {kind, *below}


def test_the_table_of_errors_has_all_of_them_and_no_other() -> None:
    rows = re.findall(r"^\| (\d{3}) \| `(\w+)` \| \S", API.text, re.MULTILINE)
    assert sorted(rows) == sorted((str(error.status), error.code) for error in list_errors())


def list_headers() -> set[str]:
    """Whatever looks like a header's name in the code that answers."""
    constants = {
        node.value
        for path in (ROOT / "tickiti_query").rglob("*.py")
        for node in ast.walk(ast.parse(path.read_text("utf-8")))
        if isinstance(node, ast.Constant) and isinstance(node.value, str)
    }
    return {text for text in constants if re.fullmatch(HEADER, text)} - USUAL


def test_every_header_is_documented_and_each_that_is_documented_is_sent() -> None:
    named = set(re.findall(rf"`({HEADER})\b", API.prose))
    assert named - ASKED - USUAL == list_headers() - ASKED


def list_options() -> list[tuple[str, str]]:
    """The command line: each command, and each option of it."""
    subparsers = argparse.ArgumentParser().add_subparsers()
    add_commands(subparsers)
    return [
        (name, option)
        for name, parser in subparsers.choices.items()
        for option in re.findall(r"^  (?:-\w, )?(--[\w-]+)", parser.format_help(), re.MULTILINE)
    ]


@pytest.mark.parametrize(("command", "option"), list_options())
def test_every_command_and_every_option_is_documented(command: str, option: str) -> None:
    pages = [each.text for each in DOCUMENTS if f"python -m tickiti_query {command}" in each.text]
    assert pages, command
    assert option == "--help" or any(f"`{option}" in page for page in pages)


def test_every_command_that_is_named_exists() -> None:
    commands = {command for command, _ in list_options()}
    assert set(re.findall(r"python -m tickiti_query (\w+)", EVERYTHING)) == commands
    for module in set(re.findall(r"python -m ((?:tickiti_query|demo|tests|bench)[\w.]*)", EVERYTHING)):
        place = ROOT / module.rstrip(".").replace(".", "/")
        assert place.with_suffix(".py").exists() or (place / "__main__.py").exists(), module


def is_there(name: str) -> bool:
    """Return whether a path is one of the repository, seen from its root or from the package."""
    return any(
        path.exists() or any(path.parent.glob(path.name)) for path in (ROOT / name, ROOT / "tickiti_query" / name)
    )


@each_document
def test_every_file_that_is_named_exists(document: Document) -> None:
    rooms = r"(?:\./)?(?:bench|config|demo|deploy|docs|schemas|script|tests|tickiti_query)/|requirements"
    for quoted in document.quoted:
        if re.match(rf"(?:{rooms})[\w./*-]+(::\w+)?$", quoted):
            assert is_there(quoted.partition("::")[0]), quoted
