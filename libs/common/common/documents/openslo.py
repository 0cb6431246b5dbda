"""Import OpenSLO v1 (references across files) and v1alpha."""

import re
from collections.abc import Callable
from typing import Any, Final

from common.documents import own
from common.documents.fields import Fields, Notes, name_of, split_labels
from common.documents.model import Document
from common.documents.openslo_indicators import (
    Form,
    References,
    form_of,
    indicator_of,
    ratio_of,
    referred,
)
from common.documents.openslo_windows import budgeting_of, target_of, window_of
from common.documents.outcome import RefusedError
from common.documents.prometheus import SLICE_SECONDS

V1: Final = "openslo/v1"
V1ALPHA: Final = "openslo/v1alpha"
KINDS: Final = (
    "SLO", "SLI", "Service", "DataSource", "AlertPolicy", "AlertCondition",
    "AlertNotificationTarget",
)  # fmt: skip
_METHODS: Final = ("Occurrences", "Timeslices", "RatioTimeslices")
_ALERTING: Final = "Burnline's rules alert on what is imported; this is left out"
_OPS: Final = ("lt", "lte", "gt", "gte")


def parse(value: dict[str, Any], notes: Notes, references: References) -> list[Document]:
    """Return the documents of one object; an SLI becomes one with the SLOs that name it."""
    fields = Fields(value, "", notes)
    version = fields.one_of("apiVersion", (V1, V1ALPHA))
    kind = fields.one_of("kind", KINDS if version == V1 else ("SLO", "Service"))
    metadata = _metadata(fields.fields("metadata"), notes)
    if kind == "SLO":
        spec = fields.fields("spec")
        found = _Slo(spec, metadata, notes, references, alpha=version == V1ALPHA).documents()
    elif kind == "Service":
        found = [_service(fields.fields("spec", required=False), metadata)]
    elif kind == "SLI":
        form_of(fields.fields("spec"), notes, references)
        notes.add("part_of_slos", "", "becomes an indicator with each SLO that refers to it")
        found = []
    elif kind == "DataSource":
        _data_source(fields.fields("spec"))
        notes.add("part_of_slos", "", "is read where an indicator refers to it")
        found = []
    else:
        _alerting_object(kind, fields.fields("spec"), references)
        found = []
    fields.end()
    return found


def _metadata(metadata: Fields, notes: Notes) -> dict[str, Any]:
    name = name_of(metadata.text("name"), metadata.at("name"), notes)
    labels, annotations = split_labels(metadata.texts("labels"), metadata.at("labels"), notes)
    annotations |= metadata.texts("annotations")
    found = {
        "name": name,
        "display_name": metadata.text("displayName", ""),
        "labels": labels,
        "annotations": annotations,
    }
    metadata.end_of_object()
    return found


def _service(spec: Fields, metadata: dict[str, Any]) -> Document:
    description = spec.text("description", "")
    spec.end()
    return own.build(
        {"kind": "Service", "metadata": metadata, "spec": {"description": description}}, "metadata"
    )


def _data_source(spec: Fields) -> None:
    text = "where telemetry is read from is set up in Burnline, not here"
    for name in ("type", "connectionDetails", "description"):
        spec.leave(name, "connection_left_out", text)
    spec.end()


def _alerting_object(kind: str, spec: Fields, references: References) -> None:
    if kind == "AlertPolicy":
        _policy(spec, references)
    elif kind == "AlertCondition":
        _condition(spec)
    for name in ("description", "target"):
        spec.leave(name, "alerting_left_out", _ALERTING)
    spec.end()
    spec.notes.add("alerting_left_out", "", _ALERTING)


def _condition(spec: Fields) -> None:
    for name in ("description", "severity"):
        spec.leave(name, "alerting_left_out", _ALERTING)
    condition = spec.fields("condition")
    op = condition.one_of("op", _OPS, "gte")
    if op in {"lt", "lte"}:
        reason = f"is {op}, which fires while little burns; write gte"
        raise RefusedError("fires_when_low", condition.at("op"), reason)
    for name in ("kind", "threshold", "lookbackWindow", "alertAfter"):
        condition.leave(name, "alerting_left_out", _ALERTING)
    condition.end()
    spec.end()


def _policy(spec: Fields, references: References) -> None:
    for name in ("description", "alertWhenNoData", "alertWhenResolved", "alertWhenBreaching",
                 "notificationTargets"):  # fmt: skip
        spec.leave(name, "alerting_left_out", _ALERTING)
    for condition in spec.each("conditions", required=False):
        _inline_or_reference(condition, "AlertCondition", "conditionRef", references, _condition)
    spec.end()


def _inline_or_reference(
    fields: Fields,
    kind: str,
    reference: str,
    references: References,
    read: Callable[[Fields], None],
) -> None:
    if fields.has(reference):
        referred(fields, reference, kind, references)
    else:
        for name in ("kind", "apiVersion", "metadata"):
            fields.leave(name, "alerting_left_out", _ALERTING)
        read(fields.fields("spec"))
    fields.end()
    fields.notes.add("alerting_left_out", fields.path, _ALERTING)


class _Slo:
    """Reads the spec of an SLO, in the spelling of its version."""

    def __init__(
        self,
        spec: Fields,
        metadata: dict[str, Any],
        notes: Notes,
        references: References,
        *,
        alpha: bool,
    ) -> None:
        self._spec, self._metadata, self._notes = spec, metadata, notes
        self._references, self._alpha = references, alpha

    def documents(self) -> list[Document]:
        spec = self._spec
        service = name_of(spec.text("service"), spec.at("service"), self._notes)
        description = spec.text("description", "")
        method = spec.one_of("budgetingMethod", _METHODS, "Occurrences")
        window = self._window()
        shared = None if self._alpha else indicator_of(spec, self._notes, self._references)
        found: list[Document] = []
        promised = list(spec.each("objectives"))
        for index, item in enumerate(promised):
            metadata = self._named(item, index, len(promised)) | {"service": service}
            name, form = self._form(item, shared, metadata["name"])
            found += self._objective(item, name, form, method, {
                "description": description, "window": window, "metadata": metadata,
            })  # fmt: skip
        for policy in spec.each("alertPolicies", required=False):
            _inline_or_reference(
                policy, "AlertPolicy", "alertPolicyRef", self._references,
                lambda fields: _policy(fields, self._references),
            )  # fmt: skip
        spec.end()
        return found

    def _named(self, item: Fields, index: int, count: int) -> dict[str, Any]:
        shown = item.text("displayName", "")
        title = " / ".join(filter(None, (self._metadata["display_name"], shown)))
        name = self._metadata["name"]
        if count > 1:
            slug = re.sub(r"[^a-z0-9]+", "-", shown.lower()).strip("-") or str(index + 1)
            name = f"{name[:40]}-{slug}"[:63].rstrip("-._")
            text = f"one of {count} objectives; is called {name} here"
            self._notes.add("objective_split", item.path, text)
        return self._metadata | {"name": name, "display_name": title}

    def _form(self, item: Fields, shared: tuple[str, Form] | None, name: str) -> tuple[str, Form]:
        if self._alpha:
            return name, ratio_of(item.fields("ratioMetrics"), self._notes, {})
        found = indicator_of(item, self._notes, self._references) or shared
        if found is None:
            raise RefusedError("missing", self._spec.at("indicator"), "an indicator is needed")
        return found

    def _objective(
        self, item: Fields, indicator: str, form: Form, method: str, shared: dict[str, Any]
    ) -> list[Document]:
        target = target_of(item)
        good_when, op = None, item.text("op", "")
        if form.is_threshold:
            if op not in _OPS:
                raise RefusedError("invalid_value", item.at("op"), f"must be {' or '.join(_OPS)}")
            good_when = {"op": op, "value": item.decimal("value")}
        else:
            if op:
                text = "compares nothing: the indicator is a ratio; it is left out"
                item.notes.add("op_left_out", item.at("op"), text)
            item.leave("value", "op_left_out", "compares nothing: the indicator is a ratio")
        budgeting = budgeting_of(item, method)
        item.leave("compositeWeight", "weight_left_out", "composites are not made; the SLOs are")
        item.end()
        spec: dict[str, Any] = {"description": form.description}
        slice_seconds = budgeting.get("slice_seconds", SLICE_SECONDS)
        source = form.source(method, slice_seconds, good_when, item.path)
        if source is not None:
            spec["source"] = source
        elif good_when is not None:
            spec["good_when"] = good_when
        slo = {
            "description": shared["description"], "indicator": indicator, "objective": target,
            "window": shared["window"], "budgeting": budgeting,
        }  # fmt: skip
        return own.build_slo(slo, spec, shared["metadata"], item.path)

    def _window(self) -> dict[str, Any]:
        name = "timeWindows" if self._alpha else "timeWindow"
        windows = list(self._spec.each(name))
        if len(windows) != 1:
            raise RefusedError("window_unsupported", self._spec.at(name), "needs one window")
        return window_of(windows[0], alpha=self._alpha)
