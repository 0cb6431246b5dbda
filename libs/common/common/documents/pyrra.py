"""Import Pyrra's `ServiceLevelObjective`, plain and as Kubernetes objects."""

import re
from decimal import Decimal
from typing import Any, Final

from common.documents import own, prometheus, promql
from common.documents.fields import Fields, Notes, name_of, number, objective, split_labels
from common.documents.model import LONGEST_HOURS, SHORTEST_HOURS, Document
from common.documents.outcome import RefusedError

API_VERSIONS: Final = ("pyrra.dev/v1alpha1", "v1alpha1")
_SERVICE_LABEL: Final = "pyrra.dev/service"
_PREFIX: Final = "pyrra.dev/"
_SECONDS: Final[dict[str, Decimal]] = {
    "y": Decimal(365 * 86400),
    "w": Decimal(7 * 86400),
    "d": Decimal(86400),
    "h": Decimal(3600),
    "m": Decimal(60),
    "s": Decimal(1),
    "ms": Decimal("0.001"),
}
_DURATION: Final = re.compile("".join(rf"(?:(\d{{1,9}}){unit})?" for unit in _SECONDS) + r"\Z")
_LE: Final = "le"


def parse(value: dict[str, Any], notes: Notes) -> list[Document]:
    """Return the documents of a `ServiceLevelObjective`."""
    fields = Fields(value, "", notes)
    fields.one_of("apiVersion", API_VERSIONS, API_VERSIONS[0])
    fields.one_of("kind", ("ServiceLevelObjective",))
    metadata = _metadata(fields.fields("metadata"), notes)
    fields.leave("status", "status_left_out", "is what a controller wrote; it is left out")
    spec = fields.fields("spec")
    fields.end()
    window = _window(spec.text("window"), spec.at("window"))
    target = objective(spec.decimal("target"), spec.at("target"), 100)
    description = spec.text("description", "")
    source, budgeting = _indicator(spec.fields("indicator"), notes)
    _alerting(spec.fields("alerting", required=False))
    for name in ("performance_over_accuracy", "performanceOverAccuracy"):
        spec.leave(name, "accuracy_kept", "counts are exact here whatever this says")
    spec.end()
    slo = {
        "description": description,
        "indicator": metadata["name"],
        "objective": target,
        "window": {"rolling_hours": window},
        "budgeting": budgeting,
    }
    return own.build_slo(slo, {"source": source}, metadata, "spec")


def _metadata(metadata: Fields, notes: Notes) -> dict[str, Any]:
    name = name_of(metadata.text("name"), metadata.at("name"), notes)
    namespace = metadata.text("namespace", "")
    found = metadata.texts("labels")
    service = found.pop(_SERVICE_LABEL, "")
    if service:
        service = name_of(service, f"{metadata.at('labels')}.{_SERVICE_LABEL}", notes)
    else:
        text = f"no label {_SERVICE_LABEL}: the service is called as the objective is"
        notes.add("service_assumed", metadata.at("name"), text)
    # Pyrra hands labels with its prefix on without it
    plain = {key.removeprefix(_PREFIX): value for key, value in found.items()}
    labels, annotations = split_labels(plain, metadata.at("labels"), notes)
    annotations |= metadata.texts("annotations")
    if namespace:
        annotations["kubernetes/namespace"] = namespace
    metadata.end_of_object()
    return {
        "name": name, "service": service or name, "labels": labels, "annotations": annotations,
    }  # fmt: skip


def seconds(text: str, path: str) -> Decimal:
    """Return the length of a duration as Prometheus writes it, such as 4w or 1h30m."""
    found = _DURATION.match(text)
    if not found or not text:
        reason = f"is {text[:40]!r}; must be a duration such as 4w, 30d or 200ms"
        raise RefusedError("invalid_value", path, reason)
    counts = zip(found.groups(), _SECONDS.values(), strict=True)
    return sum((Decimal(count) * unit for count, unit in counts if count), Decimal(0))


def _window(text: str, path: str) -> int:
    hours = seconds(text, path) / 3600
    if hours != int(hours) or not SHORTEST_HOURS <= hours <= LONGEST_HOURS:
        reason = f"is {text}; a window is of whole hours, from 24 h to 92 d"
        raise RefusedError("window_unsupported", path, reason)
    return int(hours)


def _indicator(indicator: Fields, notes: Notes) -> tuple[dict[str, Any], dict[str, Any]]:
    forms = {
        "ratio": _ratio, "latency": _latency, "latencyNative": _native, "latency_native": _native,
        "bool_gauge": _bool_gauge, "boolGauge": _bool_gauge,
    }  # fmt: skip
    found = [form for form in forms if indicator.has(form)]
    if len(found) != 1:
        reason = "needs one of ratio, latency, latencyNative and bool_gauge"
        raise RefusedError("invalid_value", indicator.path, reason)
    below = indicator.fields(found[0])
    grouping = _grouping(below)
    source = forms[found[0]](below, notes)
    below.end()
    indicator.end()
    if grouping:
        prometheus.grouping(grouping, below.at("grouping"), notes)
        source["group_by"] = grouping
    sliced = dict(prometheus.SLICES, method="timeslices")
    return source, sliced if "gauge" in source else dict(prometheus.OCCURRENCES)


def _grouping(below: Fields) -> list[str]:
    value = below.take("grouping")
    if value is None:
        return []
    if not isinstance(value, list) or not all(isinstance(label, str) for label in value):
        raise RefusedError("invalid_value", below.at("grouping"), "must be a sequence of labels")
    return value


def _metric(fields: Fields, name: str) -> tuple[Any, str]:
    """Return the selector in `name: {metric: ...}` and its path."""
    below = fields.fields(name)
    node, path = _selector(below)
    below.end()
    return node, path


def _selector(below: Fields) -> tuple[Any, str]:
    path = below.at("metric")
    return promql.selector(below.text("metric").strip(), path), path


def _ratio(below: Fields, notes: Notes) -> dict[str, Any]:  # noqa: ARG001
    errors, _ = _metric(below, "errors")
    total, _ = _metric(below, "total")
    return {
        "counters": {
            "total": [{"selector": promql.selector_text(total)}],
            "bad": [{"selector": promql.selector_text(errors)}],
        }
    }


def _latency(below: Fields, notes: Notes) -> dict[str, Any]:
    success, path = _metric(below, "success")
    total, _ = _metric(below, "total")
    bounds = [m for m in promql.matchers(success) if m[0] == _LE]
    if len(bounds) != 1 or bounds[0][1] != "=":
        raise RefusedError("invalid_value", path, 'needs one matcher of a bound, such as le="0.5"')
    rest = {m for m in promql.matchers(success) if m[0] != _LE}
    if narrower := rest - set(promql.matchers(total)):
        said = ", ".join(f"{label}{operator}{value}" for label, operator, value in sorted(narrower))
        text = f"what does not match {said} counts as slow, whatever its latency"
        notes.add("success_is_narrower", path, text)
    unit = _unit(success.name or "", path, notes)
    return {
        "histogram": {
            "total": promql.selector_text(total),
            "buckets": promql.selector_text(success, without=_LE),
            "le": number(bounds[0][2], path).normalize(),
            "unit": unit,
        }
    }


def _unit(metric: str, path: str, notes: Notes) -> str:
    for unit in ("milliseconds", "seconds"):
        if f"_{unit}" in metric:
            return unit
    notes.add("unit_unknown", path, "the name of the metric does not say the unit of its bounds")
    return "other"


def _native(below: Fields, notes: Notes) -> dict[str, Any]:  # noqa: ARG001
    threshold = seconds(below.text("latency"), below.at("latency"))
    total, _ = _metric(below, "total")
    return {
        "native_histogram": {
            "selector": promql.selector_text(total),
            "threshold_seconds": threshold.normalize(),
        }
    }


def _bool_gauge(below: Fields, notes: Notes) -> dict[str, Any]:
    metric, path = _selector(below)
    text = (
        "each minute counts, good while the gauge is 1 in all of it; Pyrra counts each sample, so "
        "that a minute that fails in part weighs more here"
    )
    notes.add("read_as_slices", path, text)
    return {
        "gauge": {"selector": promql.selector_text(metric), "op": "gte", "threshold": Decimal(1)}
    }


def _alerting(alerting: Fields) -> None:
    for name in ("disabled", "burnrates", "absent", "name", "labels", "annotations"):
        alerting.leave(name, "alerting_left_out", "Burnline's rules alert; this is left out")
    alerting.end()
