"""Clients that are generated from /openapi.json take what the service takes, and lose nothing of what it answers."""

import importlib
import json
import shutil
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import httpx
import pytest

from tests.support.shop import PRIYA, TOM, Shop
from tickiti_query.catalogue.fields import CORE, FIELDS

BIN = Path(sys.executable).parent
NODE = BIN.parent / "node" / "node_modules" / ".bin"
SECONDS = 240
OWN = [field.name for field in FIELDS.values() if field.column and not field.core]
WIDE = {"perspective_id": 901, "row_limit": 200}

TYPED_PYTHON = """
from generated import AuthenticatedClient
from generated.api.tickets import query_tickets
from generated.models import Criterion, CriterionMode, SearchObject, TicketList, TicketQuery

client = AuthenticatedClient("http://127.0.0.1", token="1|secret")
query_tickets.sync(client=client)
query_tickets.sync(client=client, body=[])
query_tickets.sync(client=client, body=TicketQuery())
query_tickets.sync(client=client, body=TicketQuery(perspective_id="3", search_object=[]))
criterion = Criterion(mode=CriterionMode.SUBJECT, tokens=["x", 1])
found = query_tickets.sync(client=client, body=TicketQuery(search_object=SearchObject(criteria=[criterion])))
if isinstance(found, TicketList):
    print(found.data[0].number + 1, found.data[0].resolution)
query_tickets.sync(client=client, body=TicketQuery(row_limit="ten"))  # type: ignore[arg-type]
"""
TYPED_SCRIPT = """
import type { paths } from "./api";

type Operation = paths["/api/v1/tickets/query"]["post"];
type Body = NonNullable<Operation["requestBody"]>["content"]["application/json"];
type Answer = Operation["responses"][200]["content"]["application/json"];

export const bodies: Body[] = [
  {},
  [],
  { search_object: {} },
  { search_object: [] },
  { search_object: null, perspective_id: "3" },
  { row_limit: 5, search_object: { criteria: [{ mode: "subject", tokens: ["x", 1] }] } },
];
// @ts-expect-error: a text is no row limit
export const wrong: Body = { row_limit: "ten" };
// An object that is written down may have no property that its type does not know.
export const answer: Answer = ANSWER;
export const resolution: string | null | undefined = answer.data[0].resolution;
"""


def run(*command: str | Path, cwd: Path) -> None:
    ran = subprocess.run(
        command, cwd=cwd, capture_output=True, text=True, timeout=SECONDS, check=False, env={"PATH": f"{BIN}:/usr/bin"}
    )
    assert ran.returncode == 0, ran.stdout + ran.stderr


@pytest.fixture(scope="module")
def folder(shop: Shop, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with the service's document."""
    folder = tmp_path_factory.mktemp("clients")
    (folder / "openapi.json").write_bytes(shop.app.test_client().get("/openapi.json").data)
    return folder


@pytest.fixture(scope="module")
def python(folder: Path) -> Iterator[Path]:
    """The folder, with the package `generated` in it, which can be imported."""
    generator = BIN / "openapi-python-client"
    run(
        generator,
        *("generate", "--path", "openapi.json", "--output-path", "generated", "--meta", "none", "--fail-on-warning"),
        cwd=folder,
    )
    sys.path.insert(0, str(folder))
    yield folder
    sys.path.remove(str(folder))


@pytest.fixture
def wide(shop: Shop) -> Iterator[dict[str, Any]]:
    """The answer to WIDE: rows of a perspective with every column that a perspective may name."""
    columns = ", ".join(f"(901, {place}, '{name}')" for place, name in enumerate(OWN))
    do = f"INSERT INTO perspective_columns (perspective_id, position, field) VALUES {columns}"
    undo = "DELETE FROM perspective_columns WHERE perspective_id = 901"
    with shop.add_row("perspectives", id=901, name="Wide for clients", shared=True), shop.change(do, undo):
        yield json.loads(shop.ask(TOM, WIDE).data)


def ask(shop: Shop, token: str, body: Any) -> Any:
    """The result of the Python client; `body` is one of its own values, or nothing."""
    module = importlib.import_module("generated.api.tickets.query_tickets")
    package = importlib.import_module("generated")
    transport = httpx.WSGITransport(app=shop.app)
    with package.AuthenticatedClient("http://service", token=token, httpx_args={"transport": transport}) as client:
        return module.sync(client=client, **body)


def test_a_python_client_sends_an_empty_object_and_nothing(shop: Shop, python: Path) -> None:
    models = importlib.import_module("generated.models")
    expected = json.loads(shop.ask(PRIYA, {}).data)
    assert ask(shop, PRIYA, {"body": models.TicketQuery()}).to_dict() == expected
    assert ask(shop, PRIYA, {"body": models.TicketQuery.from_dict({})}).to_dict() == expected
    refused = ask(shop, "1|wrong", {"body": models.TicketQuery()})
    assert (type(refused), refused.error) == (models.Unauthenticated, "unauthenticated")


def test_a_python_client_keeps_a_views_own_columns(shop: Shop, python: Path, wide: dict[str, Any]) -> None:
    models = importlib.import_module("generated.models")
    assert len(wide["data"]) == WIDE["row_limit"]
    assert wide["data"][0].keys() == {*CORE, *OWN}
    answer = ask(shop, TOM, {"body": models.TicketQuery.from_dict(WIDE)})
    assert answer.to_dict() == wide
    assert isinstance(answer.data[0].participants, list)


def test_a_python_clients_types_take_what_the_service_takes(python: Path) -> None:
    (python / "use.py").write_text(TYPED_PYTHON)
    run(BIN / "mypy", "--strict", "--follow-imports", "silent", "--cache-dir", "cache", "use.py", cwd=python)


@pytest.mark.skipif(
    shutil.which("node") is None or not (NODE / "tsc").exists(),
    reason="no node, or script/node has not been run: no TypeScript client was made",
)
def test_a_typescript_clients_types_take_what_the_service_takes_and_answers(
    shop: Shop, folder: Path, wide: dict[str, Any]
) -> None:
    run(NODE / "openapi-typescript", "openapi.json", "--output", "api.d.ts", cwd=folder)
    (folder / "use.ts").write_text(TYPED_SCRIPT.replace("ANSWER", json.dumps(wide)))
    run(NODE / "tsc", "--noEmit", "--strict", "--skipLibCheck", "use.ts", cwd=folder)
