"""Problems that name one field of a request."""

from common.http.problems import FieldError, Problem
from common.invalid_field import InvalidFieldError


def invalid(field: str, code: str, detail: str, status: int = 422) -> Problem:
    """Return the problem of one field: 422, or 409 where it conflicts with what is stored."""
    error = FieldError(field=field, code=code, detail=detail)
    kind = "conflict" if status == 409 else "invalid_request"  # noqa: PLR2004 - HTTP
    return Problem(status, kind, f"{field}: {detail}", errors=[error])


def refused(error: InvalidFieldError, prefix: str = "") -> Problem:
    """Return the problem of a field that the domain's rules refuse; `prefix` says where it is."""
    return invalid(f"{prefix}{error.field}", error.code, error.detail)
