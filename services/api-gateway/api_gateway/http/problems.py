"""Problems that name one field of a request, or what does not exist."""

from collections.abc import Iterator
from contextlib import contextmanager
from typing import TypeVar

from common.http.problems import FieldError, Problem
from common.invalid_field import InvalidFieldError

Found = TypeVar("Found")


def existing(found: Found | None, code: str, detail: str) -> Found:
    """Return what was found; 404 with this code and detail where it is None."""
    if found is None:
        raise Problem(404, code, detail)
    return found


def broker_unavailable(detail: str) -> Problem:
    """Return the problem of a Kafka that does not answer; it may be asked again in a second."""
    return Problem(503, "broker_unavailable", detail, headers={"Retry-After": "1"})


def shown_name(name: str) -> str:
    """Return a name from a path as a problem can repeat it."""
    return name.encode("ascii", "replace").decode()[:64]


def invalid(field: str, code: str, detail: str, status: int = 422) -> Problem:
    """Return the problem of one field: 422, or 409 where it conflicts with what is stored."""
    error = FieldError(field=field, code=code, detail=detail)
    kind = "conflict" if status == 409 else "invalid_request"  # noqa: PLR2004 - HTTP
    return Problem(status, kind, f"{field}: {detail}", errors=[error])


@contextmanager
def refusing(prefix: str = "") -> Iterator[None]:
    """Make a problem of a field that the domain's rules refuse; `prefix` says where it is."""
    try:
        yield
    except InvalidFieldError as error:
        raise invalid(f"{prefix}{error.field}", error.code, error.detail) from None
