"""Read documents of `burnline/v1`."""

from typing import Any

from pydantic import ValidationError

from common.documents.fields import Fields, Notes
from common.documents.model import KINDS, SLO, Document, Indicator
from common.documents.outcome import RefusedError
from common.strangers import one_line


def parse(value: dict[str, Any], notes: Notes) -> list[Document]:
    """Return the document; raise RefusedError for the first fault."""
    kind = Fields(value, "", notes).one_of("kind", tuple(KINDS))
    try:
        return [KINDS[kind].model_validate(value)]
    except ValidationError as error:
        raise _refused(error) from None


def _refused(error: ValidationError) -> RefusedError:
    fault = error.errors(include_url=False)[0]
    parts = (f"[{p}]" if isinstance(p, int) else f".{p}" for p in fault["loc"] if p != "[key]")
    path = one_line("".join(parts)).removeprefix(".")
    if fault["type"] == "extra_forbidden":
        return RefusedError("unknown_field", path, "is not a field here; leave it out or mend it")
    code = "missing" if fault["type"] == "missing" else "invalid_value"
    if path == "spec.objective" and fault["type"] in {"greater_than", "less_than"}:
        code = "target_out_of_range"
    said = one_line(fault["msg"]).removeprefix("Value error, ")
    return RefusedError(code, path, said[:1].lower() + said[1:300])


def build_slo(
    slo: dict[str, Any], indicator: dict[str, Any] | None, metadata: dict[str, Any], path: str
) -> list[Document]:
    """Return the documents of an imported SLO: its service, indicator and SLO."""
    found: list[dict[str, Any]] = [{"kind": "Service", "metadata": {"name": metadata["service"]}}]
    if indicator is not None:
        owned = {"name": slo["indicator"], "service": metadata["service"]}
        found.append({"kind": "Indicator", "metadata": owned, "spec": indicator})
    found.append({"kind": "SLO", "metadata": metadata, "spec": slo})
    return [build(data, path) for data in found]


def build(data: dict[str, Any], path: str) -> Document:
    """Return a document of what was imported from `path`."""
    try:
        return KINDS[data["kind"]].model_validate(data)
    except ValidationError as error:
        refused = _refused(error)
        reason = f"{refused.path}: {refused.reason}"
        raise RefusedError(refused.code, path, reason) from None


def check_slices(slo: SLO, indicator: Indicator | None) -> None:
    """Raise RefusedError where an SLO counts the occurrences of what gives no counts."""
    source = indicator.spec.source if indicator else None
    if source and source.needs_slices and slo.spec.budgeting.method == "occurrences":
        reason = f"the indicator {slo.spec.indicator} gives no counts; promise it in timeslices"
        raise RefusedError("threshold_needs_slices", "spec.budgeting.method", reason)
