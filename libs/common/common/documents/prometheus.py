"""From queries of imported SLOs to the source of an indicator."""

from dataclasses import dataclass
from typing import Any

from common.documents import promql
from common.documents.fields import Notes
from common.documents.outcome import RefusedError

SLICE_SECONDS = 60
OCCURRENCES = {"method": "occurrences"}
SLICES = {"method": "ratio_timeslices", "slice_seconds": SLICE_SECONDS, "when_missing": "gap"}


@dataclass(frozen=True, slots=True)
class Query:
    """A query and the path that it stands at."""

    text: str
    path: str

    def for_slice(self, seconds: int = SLICE_SECONDS) -> str:
        """Return it for the window of one slice of whole minutes."""
        return promql.with_window(self.text, f"{seconds // 60}m", self.path).strip()

    def parsed(self) -> Any:
        """Return its tree."""
        return promql.parse(self.for_slice(), self.path)


def counted(side: str, part: Query, total: Query, notes: Notes) -> dict[str, Any]:
    """Return the source of two queries that count; `side` is bad or good.

    Raises RefusedError, code `not_countable`, for those that do not.
    """
    nodes = part.parsed(), total.parsed()
    return _counted(side, nodes, (part, total), notes)


def _counted(
    side: str, nodes: tuple[Any, Any], queries: tuple[Query, Query], notes: Notes
) -> dict[str, Any]:
    some = promql.counters(nodes[0], queries[0].text, queries[0].path)
    every = promql.counters(nodes[1], queries[1].text, queries[1].path)
    if some.functions != every.functions:
        said = f"{', '.join(sorted(some.functions))} against {', '.join(sorted(every.functions))}"
        reason = f"counts otherwise than the query of all events ({said})"
        raise RefusedError("not_countable", queries[0].path, reason)
    by = list(every.by) or list(some.by)
    if by:
        grouping(by, queries[1].path, notes)
    for sums, query in ((some, queries[0]), (every, queries[1])):
        if sums.has_zero:
            text = "`or vector(0)` is left out: a series that is missing counts nothing"
            notes.add("zero_left_out", query.path, text)
    terms = list(some.terms)
    if len(terms) > 1 and terms[: len(every.terms)] == list(every.terms):
        rest = terms[len(every.terms) :]
        if rest and all(term.factor < 0 for term in rest):
            side = "good" if side == "bad" else "bad"
            terms = [promql.Term(term.selector, -term.factor) for term in rest]
    pairs = {"total": _terms(every.terms), side: _terms(terms)}
    return {"counters": pairs, **({"group_by": by} if by else {})}


def _terms(terms: Any) -> list[dict[str, Any]]:
    return [{"selector": term.selector, "factor": term.factor} for term in terms]


def grouping(labels: list[str], path: str, notes: Notes) -> None:
    """Say that one budget is kept where there was one for each group."""
    text = f"one budget over all values of {', '.join(labels)}; each value has none of its own"
    notes.add("groups_together", path, text)


def ratio_source(
    side: str, part: Query, total: Query, notes: Notes, slice_seconds: int = SLICE_SECONDS
) -> tuple[dict[str, Any], dict[str, Any]]:
    """Return (source, budgeting): counts, or slices where cutting is true to the queries."""
    try:
        return counted(side, part, total, notes), dict(OCCURRENCES)
    except RefusedError as error:
        if error.code != "not_countable":
            raise
    for query in (part, total):
        _check_sliced(query)
    _note_slices(part.path, notes)
    queries = {side: part.for_slice(slice_seconds), "total": total.for_slice(slice_seconds)}
    return {"queries": queries}, dict(SLICES)


def raw_source(
    side: str, query: Query, notes: Notes, slice_seconds: int = SLICE_SECONDS
) -> tuple[dict[str, Any], dict[str, Any]]:
    """Return (source, budgeting) of a query that is the ratio itself."""
    node = query.parsed()
    if split := promql.ratio(node):
        above, below, inverted = split
        counted_side = {"bad": "good", "good": "bad"}[side] if inverted else side
        try:
            source = _counted(counted_side, (above, below), (query, query), notes)
        except RefusedError as error:
            if error.code != "not_countable":
                raise
        else:
            return source, dict(OCCURRENCES)
    _check_sliced(query)
    _note_slices(query.path, notes)
    return {"queries": {f"{side}_ratio": query.for_slice(slice_seconds)}}, dict(SLICES)


def _check_sliced(query: Query) -> None:
    if query.for_slice() == query.text.strip():
        reason = "has no {{.window}}, so that it cannot be cut into time slices"
        raise RefusedError("not_countable", query.path, reason)
    promql.check_additive(query.parsed(), query.path)


def _note_slices(path: str, notes: Notes) -> None:
    text = (
        "no counters: each slice is evaluated and weighs alike, which is the same as long as the "
        "number of samples in a slice does not change"
    )
    notes.add("read_as_slices", path, text)
