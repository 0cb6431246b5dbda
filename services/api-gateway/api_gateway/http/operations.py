"""Operations whose signature says it all: the router reads bodies and completes the document."""

import inspect
from collections.abc import Callable
from typing import Annotated, Any, get_args, get_origin

from fastapi import APIRouter, Depends
from pydantic import BaseModel

from api_gateway.http import types
from api_gateway.http.json_body import json_body
from api_gateway.http.pagination import LINK_HEADER, Page
from common.http.problems import responses as problems

LOCATION = {"headers": {"Location": {"schema": {"type": "string"}}}}
"""OpenAPI: what an operation that creates something answers with."""

BODY_MODELS: list[type[BaseModel]] = []
"""Of every operation whose body is read here: FastAPI cannot see them for the document."""


class Operations(APIRouter):
    """The operations of a resource, each of which may find that the database does not answer.

    A parameter that is a `types.Request` is the body, read by `json_body`; one with a default may
    be left out. `responses` name what does not follow from the signature: 201 has a location, a
    page links to the next one, a body may be refused, and any but GET may be given one too large.
    """

    def add_api_route(self, path: str, endpoint: Callable[..., Any], **options: Any) -> None:
        """Add an operation."""
        signature = inspect.signature(endpoint)
        body = next((p for p in signature.parameters.values() if _is_body(p.annotation)), None)
        statuses, answers = {503}, dict[int | str, dict[str, Any]]()
        if options["methods"] != ["GET"]:
            statuses.add(413)
        if body is not None:
            statuses |= {415, 422}
            options["openapi_extra"] = _described(body)
            parameters = [_read(p) if p is body else p for p in signature.parameters.values()]
            endpoint.__signature__ = signature.replace(parameters=parameters)  # type: ignore[attr-defined]
        if any(_is_page(p.annotation) for p in signature.parameters.values()):
            statuses.add(422)
            answers[200] = {"headers": LINK_HEADER}
        if options["status_code"] == 201:  # noqa: PLR2004 - HTTP
            answers[201] = LOCATION
        answers |= problems(*statuses) | (options["responses"] or {})
        options["responses"] = {status: answers[status] for status in sorted(answers, key=str)}
        super().add_api_route(path, endpoint, **options)


def _is_body(annotation: Any) -> bool:
    return isinstance(annotation, type) and issubclass(annotation, types.Request)


def _is_page(annotation: Any) -> bool:
    return get_origin(annotation) is Annotated and get_origin(get_args(annotation)[0]) is Page


def _read(body: inspect.Parameter) -> inspect.Parameter:
    """Return a parameter for which FastAPI calls `json_body`."""
    reader = json_body(body.annotation, required=body.default is body.empty)
    return body.replace(annotation=Annotated[body.annotation, Depends(reader)], default=body.empty)


def _described(body: inspect.Parameter) -> dict[str, Any]:
    """Return the OpenAPI entry of a body."""
    BODY_MODELS.append(body.annotation)
    schema = {"$ref": f"#/components/schemas/{body.annotation.__name__}"}
    content = {"application/json": {"schema": schema}}
    return {"requestBody": {"required": body.default is body.empty, "content": content}}
