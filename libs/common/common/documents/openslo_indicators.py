"""Read the indicators of OpenSLO: of Prometheus, or of `Any` source, which is sent as events."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Final

from common.documents import prometheus
from common.documents.fields import Fields, Notes, name_of
from common.documents.outcome import RefusedError
from common.documents.prometheus import Query
from common.strangers import one_line

References = Mapping[tuple[str, str], dict[str, Any]]
_ANY: Final = "any"
_FOREIGN: Final = "is no source that is counted here; send its counts as events, or use Prometheus"
_UNSPECIFIED: Final = "names no source: the indicator counts the events that are sent for it"


@dataclass(frozen=True, slots=True)
class Form:
    """An indicator as it is written; queries of None are of no named source."""

    notes: Notes
    description: str = ""
    side: str = "good"
    part: Query | None = None
    total: Query | None = None
    raw: Query | None = None
    value: Query | None = None
    is_threshold: bool = False

    def source(
        self, method: str, slice_seconds: int, good_when: dict[str, Any] | None, path: str
    ) -> dict[str, Any] | None:
        """Return the source for a budgeting method, None where events are sent."""
        if self.value is not None:
            if method != "Timeslices":
                reason = f"a threshold counts no events; promise it in Timeslices, not {method}"
                raise RefusedError("threshold_needs_slices", path, reason)
            when = good_when or {}
            return {
                "queries": {
                    "value": self.value.for_slice(slice_seconds),
                    "op": when["op"],
                    "threshold": when["value"],
                }
            }
        if self.part is not None and self.total is not None:
            found = prometheus.ratio_source(
                self.side, self.part, self.total, self.notes, slice_seconds
            )
        elif self.raw is not None:
            found = prometheus.raw_source(self.side, self.raw, self.notes, slice_seconds)
        else:
            return None
        source, budgeting = found
        if method == "Occurrences" and budgeting != prometheus.OCCURRENCES:
            uncounted = self.raw or self.part
            at = path if uncounted is None else uncounted.path
            reason = "is no count of events, which Occurrences needs; promise it in RatioTimeslices"
            raise RefusedError("not_countable", at, reason)
        return source


def indicator_of(fields: Fields, notes: Notes, references: References) -> tuple[str, Form] | None:
    """Return (name, form) of an inline indicator or of the SLI referred to, if there is one."""
    if fields.has("indicatorRef"):
        sli = Fields(referred(fields, "indicatorRef", "SLI", references), "", Notes())
        # its own document has its notes; what is left out of it is said there
        return _named(sli, fields.at("indicatorRef"), notes, references)
    if fields.has("indicator"):
        below = fields.fields("indicator")
        return _named(below, below.path, notes, references)
    return None


def _named(sli: Fields, path: str, notes: Notes, references: References) -> tuple[str, Form]:
    for name in ("apiVersion", "kind"):
        sli.take(name)
    metadata = sli.fields("metadata")
    name = name_of(metadata.text("name"), metadata.at("name"), notes)
    for field in ("displayName", "labels", "annotations"):
        metadata.leave(field, "left_out", "an indicator is called by its name only")
    metadata.end()
    try:
        form = form_of(sli.fields("spec"), notes, references)
    except RefusedError as error:
        raise RefusedError(error.code, error.path or path, error.reason) from None
    sli.end()
    return name, form


def form_of(spec: Fields, notes: Notes, references: References) -> Form:
    """Return the form of an SLI's spec."""
    description = spec.text("description", "")
    if spec.has("thresholdMetric"):
        value = _query(spec.fields("thresholdMetric"), references)
        form = Form(notes, description, value=value, is_threshold=True)
    else:
        form = ratio_of(spec.fields("ratioMetric"), notes, references, description)
    spec.end()
    return form


def ratio_of(
    ratio: Fields, notes: Notes, references: References, description: str = "",
) -> Form:  # fmt: skip
    """Return the form of a ratio: good or bad of total, or raw."""
    for name in ("counter", "incremental"):
        if ratio.has(name):
            ratio.truth(name, default=True)
            text = "what is a counter is seen by the queries; this says nothing more"
            notes.add("counter_left_out", ratio.at(name), text)
    if ratio.has("raw"):
        raw_type = ratio.one_of("rawType", ("success", "failure"))
        raw = _query(ratio.fields("raw"), references)
        ratio.end()
        return Form(notes, description, "good" if raw_type == "success" else "bad", raw=raw)
    sides = [side for side in ("good", "bad") if ratio.has(side)]
    if len(sides) != 1:
        raise RefusedError("invalid_value", ratio.path, "needs either good or bad beside total")
    part = _query(ratio.fields(sides[0]), references)
    total = _query(ratio.fields("total"), references)
    ratio.end()
    return Form(notes, description, sides[0], part=part, total=total)


def _query(metric: Fields, references: References) -> Query | None:
    """Return the query of a metric, None for one of no named source."""
    if metric.has("source") or metric.has("query"):
        return _alpha_query(metric)
    source = metric.fields("metricSource")
    metric.end()
    kind = source.text("type", "")
    if source.has("metricSourceRef"):
        found = Fields(referred(source, "metricSourceRef", "DataSource", references), "", Notes())
        kind = kind or found.fields("spec").text("type")
    at = source.at("type")
    spec = source.fields("spec")
    source.end()
    if kind.lower() == _ANY:
        spec.notes.add("source_unspecified", at, _UNSPECIFIED)
        for name in list(spec.left()):
            spec.leave(name, "source_unspecified", _UNSPECIFIED)
        return None
    if kind.lower() != "prometheus":
        raise RefusedError("foreign_source", at, f"{one_line(kind)[:40]!r} {_FOREIGN}")
    name = "promql" if spec.has("promql") else "query"
    query = Query(spec.text(name), spec.at(name))
    query.parsed()
    spec.end()
    return query


def _alpha_query(metric: Fields) -> Query:
    source = metric.text("source")
    if source.lower() != "prometheus":
        reason = f"{one_line(source)[:40]!r} {_FOREIGN}"
        raise RefusedError("foreign_source", metric.at("source"), reason)
    metric.one_of("queryType", ("promql",), "promql")
    query = Query(metric.text("query"), metric.at("query"))
    metric.end()
    return query


def referred(fields: Fields, name: str, kind: str, references: References) -> dict[str, Any]:
    """Return the object that a field names; raise RefusedError where it leads nowhere."""
    called = fields.text(name)
    found = references.get((kind, called))
    if found is None:
        reason = f"no {kind} is called {one_line(called)[:80]} in these files; lint them together"
        raise RefusedError("ref_missing", fields.at(name), reason)
    return found
