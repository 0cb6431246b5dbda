"""Document scopes and rate limits in the OpenAPI document, from the table of scopes."""

from typing import Any

from common.access.scopes import FREE_METHODS, SCOPES, needed
from common.http.problems import responses

RATE_HEADERS = {
    "Retry-After": {"schema": {"type": "string"}, "description": "Seconds"},
    "RateLimit": {"schema": {"type": "string"}, "description": "What is left, and until when"},
    "RateLimit-Policy": {"schema": {"type": "string"}, "description": "How many in how long"},
}
METHODS = frozenset({"get", "head", "post", "put", "patch", "delete"})


def describe_access(document: dict[str, Any], *, reads_need_key: bool) -> None:
    """Add the security scheme, the scopes and the responses 401, 403 and 429 to a document."""
    schemes = document.setdefault("components", {}).setdefault("securitySchemes", {})
    schemes["bearer"] = {
        "type": "http",
        "scheme": "bearer",
        "description": f"An API key; its scopes are among: {', '.join(SCOPES)}",
    }
    for path, item in document["paths"].items():
        for method in METHODS & item.keys():
            _describe(item[method], method.upper(), path, reads_need_key=reads_need_key)


def _describe(operation: dict[str, Any], method: str, path: str, *, reads_need_key: bool) -> None:
    need = needed(method, path)
    if need.scope is None or method in FREE_METHODS:
        return
    statuses = [429]
    operation["x-scope"] = need.scope
    if need.always or reads_need_key:
        operation["security"] = [{"bearer": [need.scope]}]
        statuses = [401, 403, 429]
    answers = operation["responses"]
    for status, answer in responses(*statuses).items():
        known = answers.setdefault(str(status), answer)
        # an operation may answer with such a status also when it has done its work
        known["content"] = {**known.get("content", {}), **answer["content"]}
    answers["429"]["headers"] = RATE_HEADERS
    operation["responses"] = dict(sorted(answers.items()))
