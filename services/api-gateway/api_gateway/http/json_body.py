"""Reading a JSON body strictly: exact decimals, no NaN, and refusals that name the field.

FastAPI's own reading rounds numbers to floats and checks a body before it is known whether the
resource exists; here the order is the order of the operation's dependencies.
"""

import json
from collections.abc import Awaitable, Callable
from decimal import Decimal
from typing import Any, NoReturn, TypeVar

from fastapi import Request
from pydantic import BaseModel, ValidationError

from api_gateway.http.problems import invalid
from api_gateway.http.types import NO_TEXT
from common.http.problems import FieldError, Problem, field_path, in_own_words

Model = TypeVar("Model", bound=BaseModel)
_WHOLE_BELOW = 2**53  # a larger float may stand for several integers


def json_body(
    model: type[Model], *, required: bool = True
) -> Callable[[Request], Awaitable[Model]]:
    """Return a dependency that gives the body as a `model`; problems 415 and 422.

    Where it is not `required`, no body at all is `{}`.
    """

    async def read(request: Request) -> Model:
        if required:
            _check_content_type(request)  # before a body that is not JSON is waited for
        body = await request.body()
        if not body and not required:
            return _validated(model, {})
        _check_content_type(request)
        return _validated(model, _decode(body))

    return read


def with_floats(document: dict[str, Any], field: str) -> dict[str, Any]:
    """Return a document of a body with floats, as a file has them, in place of exact decimals."""
    try:
        plain: dict[str, Any] = json.loads(json.dumps(document, default=_plain_number))
    except RecursionError:
        raise invalid(field, "invalid_json", "is nested too deeply") from None
    return plain


def _plain_number(exact: Decimal) -> int | float:
    """Return a whole number as one: 3.0 is an integer to JSON and to its schemas."""
    rounded = float(exact)
    return int(rounded) if rounded.is_integer() and abs(rounded) < _WHOLE_BELOW else rounded


def _check_content_type(request: Request) -> None:
    given = request.headers.get("Content-Type", "")
    kind = given.partition(";")[0].strip().lower()
    if kind != "application/json" and not (
        kind.startswith("application/") and kind.endswith("+json")
    ):
        detail = f"Send JSON with `Content-Type: application/json`, not `{kind or 'none'}`."
        raise Problem(415, "unsupported_media_type", detail)


def _decode(body: bytes) -> object:
    try:
        content = json.loads(body.decode(), parse_float=Decimal, parse_constant=_refuse_constant)
    except UnicodeDecodeError as error:
        detail = f"byte {error.start} is not UTF-8; encode the body as UTF-8"
        raise invalid("body", "invalid_utf8", detail) from None
    except RecursionError:
        raise invalid("body", "invalid_json", "is nested too deeply") from None
    except ValueError as error:
        raise invalid("body", "invalid_json", f"is not JSON: {error}") from None
    if b"\\u" in body:  # unescaped, neither is JSON
        _check_texts(content)
    return content


def _check_texts(content: object) -> None:
    """Refuse U+0000 and unpaired surrogates, also in documents whose fields are free."""
    found: list[tuple[tuple[str | int, ...], object]] = [(("body",), content)]
    while found:
        place, value = found.pop()
        parts = list(value.items() if isinstance(value, dict) else ())
        parts += enumerate(value) if isinstance(value, list) else ()
        texts = [value, *(name for name, _ in parts)]
        if any(isinstance(text, str) and NO_TEXT.search(text) for text in texts):
            detail = "must not contain U+0000 or half of a surrogate pair"
            raise invalid(field_path(place), "invalid_character", detail)
        found += [((*place, name), part) for name, part in parts]


def _refuse_constant(name: str) -> NoReturn:
    raise ValueError(f"{name} is no JSON number; send a finite number")


def _validated(model: type[Model], content: object) -> Model:
    try:
        return model.model_validate(content)
    except ValidationError as error:
        found = error.errors(include_url=False, include_input=False)
        errors = [
            FieldError(
                field=field_path(("body", *e["loc"])),
                code=e["type"],
                detail=_FIXES.get(e["type"]) or in_own_words(e),
            )
            for e in found
        ]
        detail = f"{errors[0].field}: {errors[0].detail}"
        raise Problem(422, "invalid_request", detail, errors=errors) from None


_FIXES = {
    "extra_forbidden": "is not a field of this request; leave it out",
    "missing": "is required",
    "model_type": "must be a JSON object",
}
