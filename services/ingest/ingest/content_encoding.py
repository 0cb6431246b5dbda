"""Expands the bodies that senders compress, within a bound. Pure."""

import zlib

from common.http.problems import FieldError, Problem
from common.zstd import ZstdDecompressor, ZstdError

ENCODINGS = ("gzip", "zstd")
_GZIP_FORMAT = 31  # the largest window, and a gzip header


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


def _gunzip(body: bytes, most_bytes: int) -> tuple[bytes, bool]:
    """Return at most so many bytes, and whether the body is one whole member."""
    member = zlib.decompressobj(_GZIP_FORMAT)
    return member.decompress(body, most_bytes), member.eof and not member.unused_data


def _unzstd(body: bytes, most_bytes: int) -> tuple[bytes, bool]:
    """Return at most so many bytes, and whether the body is one whole frame."""
    frame = ZstdDecompressor()
    return frame.decompress(body, max_length=most_bytes), frame.eof and not frame.unused_data


_EXPAND = {"gzip": _gunzip, "zstd": _unzstd}


def _not_encoded(encoding: str, reason: str) -> Problem:
    detail = f"is not {encoding}: {reason}"
    error = FieldError(field="body", code="invalid_encoding", detail=detail)
    return Problem(400, "invalid_encoding", f"The body {detail}.", errors=[error])
