"""Splits a body into single events, without looking inside them."""

import json
from dataclasses import dataclass
from enum import StrEnum

import msgspec

from common.http.problems import FieldError, Problem
from ingest.domain import Item

JSON_TYPE = "application/json"
LINES_TYPES = (
    "application/x-ndjson",
    "application/ndjson",
    "application/jsonl",
    "application/x-jsonlines",
    "text/plain",
)
_UTF8_NAMES = frozenset({"utf-8", "utf8", "us-ascii"})
_BYTE_ORDER_MARK = b"\xef\xbb\xbf"


class Form(StrEnum):
    """Whether a request holds one event or several."""

    ONE = "one"
    MANY = "many"


@dataclass(frozen=True, slots=True)
class Batch:
    """The events of one request. ONE holds exactly one item."""

    form: Form
    items: list[Item]


_split = msgspec.json.Decoder(list[msgspec.Raw])
_raw = msgspec.json.Decoder(msgspec.Raw)


def read_batch(body: bytes, content_type: str) -> Batch:
    """Return the events of a body: an object, an array, or lines of objects.

    Raises Problem: 415 for other types, 400 for what is no JSON or empty, 422 for other JSON.
    """
    lines = _is_lines(content_type)
    body = body.removeprefix(_BYTE_ORDER_MARK)
    if not body.strip():
        raise Problem(400, "empty_body", "The body is empty; send an event, an array or NDJSON.")
    if lines:
        return Batch(Form.MANY, _lines(body))
    return _document(body)


def _is_lines(content_type: str) -> bool:
    """Tell NDJSON from JSON; raise Problem 415 for any other type or charset."""
    media_type, _, parameters = content_type.lower().partition(";")
    charset = parameters.partition("charset=")[2].partition(";")[0].strip().strip('"')
    if charset and charset not in _UTF8_NAMES:
        raise Problem(415, "unsupported_charset", "Send the body as UTF-8.")
    if media_type.strip() in LINES_TYPES:
        return True
    if media_type.strip() == JSON_TYPE:
        return False
    raise Problem(
        415,
        "unsupported_media_type",
        f"Send `Content-Type: {JSON_TYPE}` for an event or an array, "
        f"or `Content-Type: {LINES_TYPES[0]}` for one event a line.",
        headers={"Accept-Post": f"{JSON_TYPE}, {LINES_TYPES[0]}"},
    )


def _lines(body: bytes) -> list[Item]:
    stripped = (line.strip() for line in body.split(b"\n"))
    return [Item(index, line) for index, line in enumerate(stripped) if line]


def _document(body: bytes) -> Batch:
    first = body.lstrip()[:1]
    if first == b"{":
        if _is_unmarked_lines(body):
            return Batch(Form.MANY, _lines(body))
        return Batch(Form.ONE, [Item(0, body)])
    if first != b"[":
        raise _not_events(body)
    elements = _elements(body)
    if not elements:
        raise Problem(
            422,
            "no_events",
            "The array is empty; send at least one event.",
            errors=[FieldError(field="body", code="no_events", detail="has no elements")],
        )
    return Batch(Form.MANY, [Item(index, element) for index, element in enumerate(elements)])


def _is_unmarked_lines(body: bytes) -> bool:
    """Whether this is NDJSON that was sent as JSON: a whole object in the first line, then more."""
    first_line, _, rest = body.strip().partition(b"\n")
    return bool(rest) and _is_json(first_line)


def _is_json(text: bytes) -> bool:
    try:
        _raw.decode(text)
    except (msgspec.DecodeError, RecursionError):
        return False
    return True


def _elements(body: bytes) -> list[bytes]:
    try:
        return [bytes(element) for element in _split.decode(body)]
    except (msgspec.DecodeError, RecursionError) as error:
        reason = str(error)
    try:
        # NaN, Infinity and half a surrogate pair are not JSON, but json can still split the
        # array, so that its other elements are not lost
        return [json.dumps(element).encode() for element in json.loads(body)]
    except (ValueError, RecursionError):
        raise _invalid_json(reason) from None


def _not_events(body: bytes) -> Problem:
    if not _is_json(body):
        return _invalid_json("the body is no JSON document")
    detail = "must be an event (an object), an array of events, or NDJSON"
    error = FieldError(field="body", code="invalid_type", detail=detail)
    return Problem(422, "invalid_type", f"The body {detail}.", errors=[error])


def _invalid_json(reason: str) -> Problem:
    error = FieldError(field="body", code="invalid_json", detail=reason)
    return Problem(400, "invalid_json", f"The body is not JSON: {reason}.", errors=[error])
