"""Reads the body of a request: expands it, and finds the texts of its events. Pure."""

import zlib
from dataclasses import dataclass

import msgspec

from common.admission.fields import MAX_EVENT_BYTES
from common.http.problems import FieldError, Problem
from common.zstd import ZstdDecompressor, ZstdError
from ingest.domain import Item
from ingest.splitting import NotAnArrayError, Steps, array_elements, lines

JSON_TYPE = "application/json"
LINES_TYPES = (
    "application/x-ndjson",
    "application/ndjson",
    "application/jsonl",
    "application/x-jsonlines",
    "text/plain",
)
_UTF8_NAMES = frozenset({"utf-8", "utf8", "us-ascii"})
_BOM = b"\xef\xbb\xbf"
ENCODINGS = ("gzip", "zstd")
_GZIP_FORMAT = 31  # the largest window, and a gzip header


@dataclass(frozen=True, slots=True)
class Batch:
    """The events of one request; `is_single` where the body is one event, not a list.

    `steps` find them one by one: whoever asks for more events than a request may have stops there.
    """

    steps: Steps
    is_single: bool = False


_raw = msgspec.json.Decoder(msgspec.Raw)


def expand(body: bytes, content_encoding: str, limit_bytes: int) -> bytes:
    """Return the body as it was before it was compressed.

    Raises Problem: 415 for other encodings or several, 400 for what cannot be expanded or is cut
    off, 413 beyond `limit_bytes` (no more than these are ever made of it).
    """
    encoding = content_encoding.strip().lower()
    if encoding in {"", "identity"}:
        return body
    if encoding not in ENCODINGS:
        raise Problem(
            415,
            "unsupported_encoding",
            f"Send the body without Content-Encoding, or as one of {', '.join(ENCODINGS)}.",
            headers={"Accept-Encoding": ", ".join(ENCODINGS)},
        )
    try:
        expanded, is_whole = _EXPAND[encoding](body, limit_bytes + 1)
    except (zlib.error, ZstdError) as error:
        raise _not_encoded(encoding, str(error)) from None
    if len(expanded) > limit_bytes:
        raise Problem(
            413,
            "body_too_large",
            f"The body is larger than {limit_bytes} bytes once it is expanded; "
            "send it in several requests.",
        )
    if not is_whole:
        raise _not_encoded(encoding, "it is cut off, or more follows its end")
    return expanded


def read_batch(body: bytes, content_type: str) -> Batch:
    """Return the events of a body: an object, an array, or lines of objects.

    Raises Problem: 415 for other types, 400 for what is no JSON or empty, 422 for other JSON.
    """
    is_lines = _is_lines(content_type)
    body = body.removeprefix(_BOM)
    if not body.strip():
        raise Problem(400, "empty_body", "The body is empty; send an event, an array or NDJSON.")
    if is_lines:
        return Batch(lines(body))
    return _document(body)


def _is_lines(content_type: str) -> bool:
    """Whether the body is NDJSON, not JSON; raises Problem 415 for other types and charsets."""
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


def _document(body: bytes) -> Batch:
    first = body.lstrip()[:1]
    if first == b"{":
        if _is_unmarked_lines(body):
            return Batch(lines(body))
        return Batch(iter([Item(0, body)]), is_single=True)
    if first != b"[":
        if len(body) <= MAX_EVENT_BYTES and not _is_json(body):
            raise _invalid_json("the body is no JSON document")
        detail = "must be an event (an object), an array of events, or NDJSON"
        raise _refused(422, "invalid_type", detail)
    return Batch(_elements(body))


def _is_unmarked_lines(body: bytes) -> bool:
    """Whether this is NDJSON that was sent as JSON: a whole object in the first line, then more."""
    first_line, _, rest = body.strip().partition(b"\n")
    return bool(rest) and len(first_line) <= MAX_EVENT_BYTES and _is_json(first_line)


def _is_json(text: bytes) -> bool:
    try:
        _raw.decode(text)
    except (msgspec.DecodeError, RecursionError):
        return False
    return True


def _elements(body: bytes) -> Steps:
    """Find the elements of an array. Raises Problem: 400 for what is none, 422 for an empty one."""
    found = False
    try:
        for step in array_elements(body):
            found = found or step is not None
            yield step
    except NotAnArrayError as error:
        raise _invalid_json(str(error)) from None
    if not found:
        text = "The array is empty; send at least one event."
        raise _refused(422, "no_events", "has no elements", text)


def _gunzip(body: bytes, most_bytes: int) -> tuple[bytes, bool]:
    """Return at most so many bytes, and whether the body is one whole member."""
    member = zlib.decompressobj(_GZIP_FORMAT)
    return member.decompress(body, most_bytes), member.eof and not member.unused_data


def _unzstd(body: bytes, most_bytes: int) -> tuple[bytes, bool]:
    """Return at most so many bytes, and whether the body is one whole frame."""
    frame = ZstdDecompressor()
    return frame.decompress(body, max_length=most_bytes), frame.eof and not frame.unused_data


_EXPAND = {"gzip": _gunzip, "zstd": _unzstd}


def _refused(status: int, code: str, detail: str, text: str = "") -> Problem:
    """Return a problem about the body as a whole, which `text` describes to people."""
    error = FieldError(field="body", code=code, detail=detail)
    return Problem(status, code, text or f"The body {detail}.", errors=[error])


def _not_encoded(encoding: str, reason: str) -> Problem:
    return _refused(400, "invalid_encoding", f"is not {encoding}: {reason}")


def _invalid_json(reason: str) -> Problem:
    return _refused(400, "invalid_json", reason, f"The body is not JSON: {reason}.")
