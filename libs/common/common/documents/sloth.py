"""Import Sloth's `prometheus/v1`, plain and as Kubernetes objects."""

from typing import Any, Final, NamedTuple

from common.documents import own, prometheus, sloth_plugins
from common.documents.fields import Fields, Notes, name_of, objective, split_labels
from common.documents.model import Document
from common.documents.outcome import RefusedError
from common.documents.prometheus import Query

WINDOW_HOURS: Final = 30 * 24
_ALERTING: Final = "Burnline's rules alert on what is imported; this is left out"


class _Names(NamedTuple):
    """What fields are called: the two forms spell them differently."""

    error: str
    total: str
    ratio: str
    page: str
    ticket: str
    plugins: str


_PLAIN: Final = _Names(
    "error_query", "total_query", "error_ratio_query", "page_alert", "ticket_alert", "slo_plugins"
)
_CRD: Final = _Names(
    "errorQuery", "totalQuery", "errorRatioQuery", "pageAlert", "ticketAlert", "sloPlugins"
)


def parse_plain(value: dict[str, Any], notes: Notes) -> list[Document]:
    """Return the documents of a plain file."""
    fields = Fields(value, "", notes)
    fields.one_of("version", ("prometheus/v1",))
    return _service(fields, _PLAIN, {}, notes)


def parse_crd(value: dict[str, Any], notes: Notes) -> list[Document]:
    """Return the documents of a `PrometheusServiceLevel`."""
    fields = Fields(value, "", notes)
    fields.one_of("apiVersion", ("sloth.slok.dev/v1",))
    fields.one_of("kind", ("PrometheusServiceLevel",))
    annotations = _object_metadata(fields.fields("metadata"))
    fields.leave("status", "status_left_out", "is what a controller wrote; it is left out")
    found = _service(fields.fields("spec"), _CRD, annotations, notes)
    fields.end()
    return found


def _object_metadata(metadata: Fields) -> dict[str, str]:
    """Return the annotations that keep what a Kubernetes object is called by."""
    annotations = {"kubernetes/name": metadata.text("name")}
    if namespace := metadata.text("namespace", ""):
        annotations["kubernetes/namespace"] = namespace
    for field in ("labels", "annotations"):
        annotations |= metadata.texts(field)
    metadata.end_of_object()
    return annotations


def _service(
    fields: Fields, names: _Names, annotations: dict[str, str], notes: Notes
) -> list[Document]:
    service = name_of(fields.text("service"), fields.at("service"), notes)
    labels = fields.texts("labels")
    _refuse_plugins(fields, names)
    found: list[Document] = []
    path = fields.at("labels")
    for slo in fields.each("slos"):
        found += _slo(slo, names, service, (path, labels, annotations), notes)
    fields.end()
    return found


def _slo(
    slo: Fields,
    names: _Names,
    service: str,
    shared: tuple[str, dict[str, str], dict[str, str]],
    notes: Notes,
) -> list[Document]:
    path, labels, annotations = shared
    name = name_of(slo.text("name"), slo.at("name"), notes)
    target = objective(slo.decimal("objective"), slo.at("objective"), 100)
    description = slo.text("description", "")
    own_labels, more = split_labels(labels, path, notes)
    kept, rest = split_labels(slo.texts("labels"), slo.at("labels"), notes)
    _refuse_plugins(slo, names)
    source, budgeting = _sli(slo.fields("sli"), names, labels, notes)
    _alerting(slo.fields("alerting", required=False), names)
    _interval(slo.fields("interval", required=False))
    slo.end()
    notes.add("window_assumed", "", "Sloth's files name no window; its default of 30 days is used")
    spec = {
        "description": description,
        "indicator": name,
        "objective": target,
        "window": {"rolling_hours": WINDOW_HOURS},
        "budgeting": budgeting,
    }
    metadata = {
        "name": name,
        "service": service,
        "labels": own_labels | kept,
        "annotations": annotations | more | rest,
    }
    return own.build_slo(spec, {"source": source}, metadata, slo.path)


def _sli(
    sli: Fields, names: _Names, labels: dict[str, str], notes: Notes
) -> tuple[dict[str, Any], dict[str, Any]]:
    forms = [form for form in ("events", "raw", "plugin") if sli.has(form)]
    if len(forms) != 1:
        raise RefusedError("invalid_value", sli.path, "needs one of events, raw and plugin")
    below = sli.fields(forms[0])
    if forms[0] == "events":
        bad = Query(below.text(names.error), below.at(names.error))
        total = Query(below.text(names.total), below.at(names.total))
        found = prometheus.ratio_source("bad", bad, total, notes)
    elif forms[0] == "raw":
        found = prometheus.raw_source(
            "bad", Query(below.text(names.ratio), below.at(names.ratio)), notes
        )
    else:
        side, part, total_text = sloth_plugins.expand(below, labels)
        at = below.at("options")
        found = prometheus.ratio_source(side, Query(part, at), Query(total_text, at), notes)
    below.end()
    sli.end()
    return found


def _refuse_plugins(fields: Fields, names: _Names) -> None:
    for name in (names.plugins, "plugins"):
        if fields.has(name):
            reason = "changes the SLO by programs of its own; write what they do out"
            raise RefusedError("plugin_chain", fields.at(name), reason)
        fields.take(name)


def _interval(interval: Fields) -> None:
    for name in ("all", "slierror", "metadata", "alert"):
        interval.leave(name, "rules_left_out", "is of recording rules, which are not made here")
    interval.end()


def _alerting(alerting: Fields, names: _Names) -> None:
    for name in ("name", "labels", "annotations"):
        alerting.leave(name, "alerting_left_out", _ALERTING)
    for name in (names.page, names.ticket):
        alert = alerting.fields(name, required=False)
        if alert.truth("disable", default=False):
            text = "Burnline's rules alert on every SLO; silence them for this one"
            alert.notes.add("alerting_left_out", alert.at("disable"), text)
        for field in ("labels", "annotations"):
            alert.leave(field, "alerting_left_out", _ALERTING)
        alert.end()
    alerting.end()
