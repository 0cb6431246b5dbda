"""From what a request says of a target to its spec, or to the field that is wrong. Pure."""

from decimal import Decimal

from msgspec.structs import replace

from api_gateway.catalog.schemas import NewTarget, TargetUpdate
from common.events import TargetSpec
from common.invalid_field import InvalidFieldError
from common.slo.vocabulary import InvalidObjectiveError, SliType, objective_ratio

MAX_DECIMAL_PLACES = 12
"""As many nines as counts below 2^53 can bear; decimal arithmetic stays exact far below that."""

_BLANK = TargetSpec("", SliType.AVAILABILITY, Decimal("0.5"), 30)


def new_spec(request: NewTarget) -> TargetSpec:
    """Return the spec of a new target; raise InvalidFieldError for what makes no sense."""
    if request.objective is None and request.max_error_ratio is None:
        error_rate = request.sli_type is SliType.ERROR_RATE
        either = " (or `max_error_ratio` instead of it)" if error_rate else ""
        raise InvalidFieldError("objective", "missing", f"is required{either}, such as 0.999")
    return changed_spec(request, _BLANK)


def changed_spec(request: NewTarget | TargetUpdate, old: TargetSpec) -> TargetSpec:
    """Return `old` with what the request says; raise InvalidFieldError for what makes no sense.

    What does not belong to the SLI type goes when the type is changed.
    """
    given = {n: v for n in TargetSpec.__struct_fields__ if (v := getattr(request, n)) is not None}
    sli_type = request.sli_type or old.sli_type
    objective = _objective(request, sli_type, old.objective)
    derived = {
        "objective": objective,
        "max_error_ratio": 1 - objective if sli_type is SliType.ERROR_RATE else None,
        "threshold_seconds": _threshold(request, sli_type, old.threshold_seconds),
    }
    return replace(old, **{**given, **derived})


def _objective(request: NewTarget | TargetUpdate, sli_type: SliType, old: Decimal) -> Decimal:
    allowed = request.max_error_ratio
    if allowed is not None and sli_type is not SliType.ERROR_RATE:
        detail = f"belongs to error_rate targets only; send `objective` for {sli_type}"
        raise InvalidFieldError("max_error_ratio", "not_applicable", detail)
    stated = None if request.objective is None else _ratio_of(request.objective)
    if allowed is None:
        return old if stated is None else stated
    derived = 1 - _error_ratio_of(allowed)
    if stated is not None and stated != derived:
        detail = f"does not agree with `objective`, which allows {1 - stated}; send only one"
        raise InvalidFieldError("max_error_ratio", "contradiction", detail)
    return derived


def _ratio_of(value: Decimal) -> Decimal:
    _check_places("objective", value)
    try:
        return objective_ratio(value).normalize()
    except InvalidObjectiveError as error:
        raise InvalidFieldError("objective", "invalid_objective", str(error)) from None


def _error_ratio_of(value: Decimal) -> Decimal:
    _check_places("max_error_ratio", value)
    if not 0 < value < 1:
        detail = "must be a ratio between 0 and 1, such as 0.001 for one bad event in a thousand"
        raise InvalidFieldError("max_error_ratio", "invalid_ratio", detail)
    return value.normalize()


def _check_places(field: str, value: Decimal) -> None:
    exponent = value.as_tuple().exponent
    if isinstance(exponent, int) and -exponent > MAX_DECIMAL_PLACES:
        detail = f"may have at most {MAX_DECIMAL_PLACES} decimal places"
        raise InvalidFieldError(field, "too_many_decimal_places", detail)


def _threshold(
    request: NewTarget | TargetUpdate, sli_type: SliType, old: float | None
) -> float | None:
    if sli_type is not SliType.LATENCY:
        if request.threshold_seconds is not None:
            detail = f"belongs to latency targets only; leave it out for {sli_type}"
            raise InvalidFieldError("threshold_seconds", "not_applicable", detail)
        return None
    if request.threshold_seconds is not None:
        return float(request.threshold_seconds)
    if old is None:
        detail = "is required for latency: one of the bounds of the service's histograms"
        raise InvalidFieldError("threshold_seconds", "missing", detail)
    return old
