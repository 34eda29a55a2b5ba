"""The OpenAPI document as a rule: what in an answer is not as the document says."""

import json
from collections.abc import Iterator
from typing import Any

import jsonschema_rs
from werkzeug.test import TestResponse

PATH = "/api/v1/tickets/query"
# Headers that the document says in other words, or that any server sends.
USUAL = {"Content-Type", "Content-Length"}


def read_nullable(schema: Any) -> Any:
    """An OpenAPI 3.0 schema as JSON Schema: what is `nullable` there has `null` among its types here."""
    if isinstance(schema, list):
        return [read_nullable(each) for each in schema]
    if not isinstance(schema, dict):
        return schema
    read = {name: read_nullable(value) for name, value in schema.items() if name != "nullable"}
    return read | {"type": [schema["type"], "null"]} if schema.get("nullable") is True else read


class Document:
    """The document of a service, and the schemas in it."""

    def __init__(self, document: dict[str, Any]) -> None:
        self.document = document
        self.operation = document["paths"][PATH]["post"]
        self._components = read_nullable(document["components"])

    def find_faults(self, schema: Any, value: Any) -> Iterator[str]:
        """Yield the places where a value is not as a schema of the document says."""
        rule = {**read_nullable(schema), "components": self._components}
        validator = jsonschema_rs.Draft202012Validator(rule, validate_formats=True)
        for fault in validator.iter_errors(value):
            yield f"{'/'.join(map(str, fault.instance_path))}: {fault.message}"

    def find_body_faults(self, status: int, body: bytes) -> Iterator[str]:
        """Yield the places where the body of an answer is not as the document says."""
        content = self.operation["responses"][str(status)]["content"]["application/json"]
        yield from self.find_faults(content["schema"], json.loads(body))

    def find_header_faults(self, status: int, headers: dict[str, str]) -> Iterator[str]:
        """Which headers are missing, are not in the document, or have another value than it says."""
        references = self.operation["responses"][str(status)]["headers"]
        known = {name: self.find_header(name) for name in references}
        yield from (f"{name}: not in the document" for name in headers.keys() - known.keys() - USUAL)
        for name, header in known.items():
            if name in headers:
                for fault in self.find_faults(header["schema"], read_header(header["schema"], headers[name])):
                    yield f"{name}: {fault}"
            elif header["required"]:
                yield f"{name}: missing"

    def find_header(self, name: str) -> Any:
        """A header of the document's components."""
        return self.document["components"]["headers"][name]

    def check(self, response: TestResponse) -> None:
        """Assert that an answer is as the document says."""
        found = [
            *self.find_body_faults(response.status_code, response.data),
            *self.find_header_faults(response.status_code, dict(response.headers)),
        ]
        assert found == [], response.text


def read_header(schema: Any, text: str) -> Any:
    """The value that a header's text stands for."""
    return json.loads(text) if schema["type"] in {"integer", "boolean"} else text
