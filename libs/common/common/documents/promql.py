"""Find what a PromQL query counts: the one place that knows the parser. Pure."""

import json
import re
from collections.abc import Iterator
from dataclasses import dataclass
from decimal import Decimal
from typing import Any, Final

import promql_parser as promql

from common.documents.outcome import RefusedError
from common.strangers import one_line

MAX_QUERY: Final = 10_000
MAX_NESTING: Final = 100
_WINDOW: Final = re.compile(r"\{\{-?\s*\.window\s*-?\}\}")
_OPERATORS: Final = {"Equal": "=", "NotEqual": "!=", "Re": "=~", "NotRe": "!~"}
_COUNTER: Final = re.compile(r"_(total|count|bucket)\Z")
_RATES: Final = frozenset({"rate", "increase"})
_ADDITIVE: Final = frozenset({"sum_over_time", "count_over_time", "avg_over_time", *_RATES})
_SUMMING: Final = frozenset({"sum", "count", "avg"})
_METRICSQL: Final = re.compile(
    r"\b(WITH\s*\(|default\b|if\b|ifnot\b|rollup\w*\s*\(|increase_pure|range_\w+\s*\(|"
    r"keep_last_value|remove_resets|median_over_time|share_\w+|count_\w+_over_time|ru\s*\()|"
    r"\[\d+i\]|\[\s*\]|\d+(ki?|mi?|gi?)b?\b(?![\w\]])",
    re.IGNORECASE,
)


@dataclass(frozen=True, slots=True)
class Term:
    """A counter's selector and what each of its counts is multiplied by."""

    selector: str
    factor: Decimal


@dataclass(frozen=True, slots=True)
class Counters:
    """A sum of counters; `by` are the labels that the query keeps apart."""

    terms: tuple[Term, ...]
    functions: frozenset[str]
    by: tuple[str, ...]
    has_zero: bool


class _NotCountableError(Exception):
    def __init__(self, node: Any, why: str) -> None:
        super().__init__(why)
        self.node, self.why = node, why


def with_window(query: str, window: str, path: str) -> str:
    """Return the query with a window for `{{.window}}`; other templates are refused."""
    filled = _WINDOW.sub(window, query)
    if "{{" in filled or "}}" in filled:
        raise RefusedError("template", path, "has a template other than {{.window}}; write it out")
    return filled


def parse(query: str, path: str) -> Any:
    """Parse a query, raise RefusedError with what is wrong and where."""
    depth = deepest = 0
    for character in query:
        depth += (character in "([{") - (character in ")]}")
        deepest = max(deepest, depth)
    if len(query) > MAX_QUERY or deepest > MAX_NESTING:
        raise RefusedError("too_large", path, "is too long or nested too deeply for a query")
    try:
        return promql.parse(query)
    except ValueError as error:
        if found := _METRICSQL.search(query):
            said = f"is MetricsQL at character {found.start() + 1}; write it in PromQL"
            raise RefusedError("metricsql", path, said) from None
        said = f"is no PromQL: {one_line(error)[:200]}"
        raise RefusedError("invalid_query", path, said) from None


def selector(text: str, path: str) -> Any:
    """Parse a query that must be one selector; return its node."""
    node = parse(text, path)
    if not isinstance(node, promql.VectorSelector) or _is_shifted(node):
        raise RefusedError("not_a_selector", path, 'must be one selector, as metric{label="x"}')
    return node


def matchers(node: Any) -> list[tuple[str, str, str]]:
    """Return (label, operator, value) of a selector, without its name."""
    found = [
        (m.name, _OPERATORS[str(m.op).rpartition(".")[2]], m.value) for m in node.matchers.matchers
    ]
    return [m for m in found if m[0] != "__name__" or not node.name]


def selector_text(node: Any, without: str = "") -> str:
    """Return a selector as text in one form, leaving one label out."""
    kept = [
        f"{name}{operator}{json.dumps(value, ensure_ascii=False)}"
        for name, operator, value in matchers(node)
        if name != without
    ]
    inside = ",".join(kept)
    return (node.name or "") + (f"{{{inside}}}" if inside or not node.name else "")


def counters(node: Any, query: str, path: str) -> Counters:
    """Return what a query counts; raise RefusedError `not_countable` with the part that is not."""
    found = _Linear()
    try:
        found.walk(node, Decimal(1))
    except _NotCountableError as error:
        part = one_line(error.node.prettify())
        at = query.find(part.split("(")[0].split("{")[0].strip() or part)
        where = f" (character {at + 1})" if at >= 0 else ""
        reason = f"cannot be counted at {part[:200]}{where}: {error.why}"
        raise RefusedError("not_countable", path, reason) from None
    return Counters(tuple(found.terms), frozenset(found.functions), tuple(found.by), found.has_zero)


def ratio(node: Any) -> tuple[Any, Any, bool] | None:
    """Split a ratio into (numerator, denominator, whether it is 1 minus that), else None."""
    node = _inner(node)
    if isinstance(node, promql.BinaryExpr):
        if _sign(node) == "/":
            return node.lhs, node.rhs, False
        left = _inner(node.lhs)
        if _sign(node) == "-" and isinstance(left, promql.NumberLiteral) and left.val == 1:
            below = _inner(node.rhs)
            if isinstance(below, promql.BinaryExpr) and _sign(below) == "/":
                return below.lhs, below.rhs, True
    return None


def check_additive(node: Any, path: str) -> None:
    """Raise RefusedError where slices of a query do not add up to the query over all of them."""
    for part in _walk(node):
        if isinstance(part, promql.Call):
            takes_range = any(
                isinstance(a, promql.MatrixSelector | promql.SubqueryExpr) for a in part.args
            )
            fine = part.func.name in (
                _ADDITIVE if takes_range else {"vector", "clamp_max", "clamp_min"}
            )
        elif isinstance(part, promql.AggregateExpr):
            fine = str(part.op) in _SUMMING
        else:
            fine = not isinstance(part, promql.StringLiteral)
        if not fine:
            said = one_line(part.prettify())[:200]
            raise RefusedError(
                "not_countable", path, f"cannot be counted at {said}, nor cut into time slices"
            )


def _walk(node: Any) -> Iterator[Any]:
    yield node
    for name in ("expr", "lhs", "rhs"):
        below = getattr(node, name, None)
        if below is not None:
            yield from _walk(below)
    for below in getattr(node, "args", ()):
        yield from _walk(below)


def _inner(node: Any) -> Any:
    while isinstance(node, promql.ParenExpr):
        node = node.expr
    return node


def _sign(node: Any) -> str:
    return str(node.op)


def _is_shifted(node: Any) -> bool:
    return bool(node.offset is not None or node.at is not None or node.matchers.or_matchers)


class _Linear:
    """Collects the terms of a sum of counters."""

    def __init__(self) -> None:
        self.terms: list[Term] = []
        self.functions: set[str] = set()
        self.by: list[str] = []
        self.has_zero = False

    def walk(self, node: Any, factor: Decimal) -> None:
        node = _inner(node)
        if isinstance(node, promql.BinaryExpr):
            self._binary(node, factor)
        elif isinstance(node, promql.AggregateExpr):
            self._aggregate(node, factor)
        elif isinstance(node, promql.Call):
            self._call(node, factor)
        elif isinstance(node, promql.VectorSelector):
            if not _COUNTER.search(node.name or ""):
                raise _NotCountableError(node, "its name does not end as a counter's does")
            self._add(node, node, factor, "value")
        else:
            raise _NotCountableError(node, "it is no sum of rates of counters")

    def _binary(self, node: Any, factor: Decimal) -> None:
        sign, right = _sign(node), _inner(node.rhs)
        if sign in {"+", "-"}:
            self.walk(node.lhs, factor)
            self.walk(node.rhs, factor if sign == "+" else -factor)
        elif sign == "or" and _is_zero(right):
            self.has_zero = True
            self.walk(node.lhs, factor)
        elif sign == "*" and isinstance(right, promql.NumberLiteral):
            self.walk(node.lhs, factor * _factor(right))
        elif sign == "*" and isinstance(_inner(node.lhs), promql.NumberLiteral):
            self.walk(right, factor * _factor(_inner(node.lhs)))
        else:
            raise _NotCountableError(node, f"counts are not combined by {sign}")

    def _aggregate(self, node: Any, factor: Decimal) -> None:
        if str(node.op) != "sum":
            raise _NotCountableError(node, f"{node.op} of counters is no count")
        below = _inner(node.expr)
        if isinstance(below, promql.BinaryExpr) and _sign(below) != "or":
            raise _NotCountableError(below, "series are combined before they are summed")
        if node.modifier is not None:
            if node.modifier.type != promql.AggModifierType.By:
                raise _NotCountableError(node, "name the labels with by, not without")
            self.by += [label for label in node.modifier.labels if label not in self.by]
        self.walk(node.expr, factor)

    def _call(self, node: Any, factor: Decimal) -> None:
        name, argument = node.func.name, node.args[0] if node.args else None
        if name not in _RATES or not isinstance(argument, promql.MatrixSelector):
            raise _NotCountableError(node, "only rate and increase of a selector are counts")
        self._add(node, argument.vector_selector, factor, f"{name}[{argument.range}]")

    def _add(self, node: Any, selector: Any, factor: Decimal, function: str) -> None:
        if _is_shifted(selector):
            raise _NotCountableError(node, "offset, @ and `or` in a selector are not counted")
        self.functions.add(function)
        self.terms.append(Term(selector_text(selector), factor))


def _factor(node: Any) -> Decimal:
    value = Decimal(str(node.val))
    if not value.is_finite() or not value:
        raise _NotCountableError(node, "a factor must be a finite number that is not 0")
    return value


def _is_zero(node: Any) -> bool:
    return (
        isinstance(node, promql.Call)
        and node.func.name == "vector"
        and isinstance(node.args[0], promql.NumberLiteral)
        and node.args[0].val == 0
    )
