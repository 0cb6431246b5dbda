"""From what a request says of a target to what is stored, or to the field that is wrong. Pure."""

from dataclasses import dataclass
from decimal import Decimal

from api_gateway.catalog.domain import Definition
from common.invalid_field import InvalidFieldError
from common.slo.vocabulary import InvalidObjectiveError, SliType, objective_ratio

MAX_DECIMAL_PLACES = 12
"""As many nines as counts below 2^53 can bear; decimal arithmetic stays exact far below that."""


@dataclass(frozen=True, slots=True)
class Wish:
    """What a request says; None is what it leaves out."""

    name: str | None = None
    sli_type: SliType | None = None
    objective: Decimal | None = None
    max_error_ratio: Decimal | None = None
    threshold_seconds: Decimal | None = None
    window_days: int | None = None
    min_bad_events: int | None = None


def define(wish: Wish, old: Definition) -> Definition:
    """Return `old` as the wish changes it; raise InvalidFieldError for what makes no sense.

    What does not belong to the kind of indicator goes with a change of that kind.
    """
    sli_type = wish.sli_type or old.sli_type
    objective = _objective(wish, sli_type, old.objective)
    is_error_rate = sli_type is SliType.ERROR_RATE
    return Definition(
        name=old.name if wish.name is None else wish.name,
        sli_type=sli_type,
        objective=objective,
        window_days=old.window_days if wish.window_days is None else wish.window_days,
        threshold_seconds=_threshold(wish, sli_type, old.threshold_seconds),
        max_error_ratio=1 - objective if is_error_rate else None,
        min_bad_events=(old.min_bad_events if wish.min_bad_events is None else wish.min_bad_events),
    )


def define_new(wish: Wish) -> Definition:
    """Return the definition of a new target, whose wish has all but figures of its kind."""
    if wish.objective is None and wish.max_error_ratio is None:
        error_rate = wish.sli_type is SliType.ERROR_RATE
        either = " (or `max_error_ratio` instead of it)" if error_rate else ""
        raise InvalidFieldError("objective", "missing", f"is required{either}, such as 0.999")
    return define(wish, _BLANK)


_BLANK = Definition("", SliType.AVAILABILITY, Decimal("0.5"), 30, None, None, 1)


def _objective(wish: Wish, sli_type: SliType, old: Decimal) -> Decimal:
    allowed = wish.max_error_ratio
    if allowed is not None and sli_type is not SliType.ERROR_RATE:
        detail = f"belongs to error_rate targets only; send `objective` for {sli_type}"
        raise InvalidFieldError("max_error_ratio", "not_applicable", detail)
    stated = None if wish.objective is None else _ratio_of(wish.objective)
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


def _threshold(wish: Wish, sli_type: SliType, old: float | None) -> float | None:
    if sli_type is not SliType.LATENCY:
        if wish.threshold_seconds is not None:
            detail = f"belongs to latency targets only; leave it out for {sli_type}"
            raise InvalidFieldError("threshold_seconds", "not_applicable", detail)
        return None
    if wish.threshold_seconds is not None:
        return float(wish.threshold_seconds)
    if old is None:
        detail = "is required for latency: one of the bounds of the service's histograms"
        raise InvalidFieldError("threshold_seconds", "missing", detail)
    return old
