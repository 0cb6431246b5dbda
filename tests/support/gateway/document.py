"""The gateway's OpenAPI document, and answers held against it."""

from collections.abc import Iterator
from typing import Any

import httpx
import jsonschema


def operations(document: dict[str, Any]) -> Iterator[tuple[str, str, dict[str, Any]]]:
    """Give (path, method, operation) of the product's own operations."""
    for path, item in document["paths"].items():
        if path.startswith("/api/"):
            for method, operation in item.items():
                yield path, method, operation


def references(value: Any) -> Iterator[str]:
    """Give every `$ref` of a document."""
    if isinstance(value, dict):
        if isinstance(value.get("$ref"), str):
            yield value["$ref"]
        for item in value.values():
            yield from references(item)
    elif isinstance(value, list):
        for item in value:
            yield from references(item)


def operation_of(document: dict[str, Any], operation_id: str) -> dict[str, Any]:
    return next(o for _, _, o in operations(document) if o["operationId"] == operation_id)


def validate(document: dict[str, Any], operation_id: str, response: httpx.Response) -> None:
    """Check that status, media type, headers and body are as the document says."""
    answers = operation_of(document, operation_id)["responses"]
    assert str(response.status_code) in answers, (operation_id, response.text)
    answer = answers[str(response.status_code)]
    for name, header in answer.get("headers", {}).items():
        if name in response.headers:
            jsonschema.validate(response.headers[name], header["schema"])
    if "content" not in answer:
        assert response.content == b""
        return
    kind = response.headers["Content-Type"].partition(";")[0]
    schema = {**answer["content"][kind]["schema"], "components": document["components"]}
    validator = jsonschema.Draft202012Validator(schema, format_checker=jsonschema.FormatChecker())
    validator.validate(response.json())
