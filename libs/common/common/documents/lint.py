"""Say of each document of some files what it becomes, and which documents of ours that is."""

from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import replace
from typing import Any, Final

from common.documents import openslo, own, pyrra, sloth
from common.documents.fields import Notes
from common.documents.model import API_VERSION, KINDS, SLO, Document, Indicator, Service, identity
from common.documents.outcome import Linted, RefusedError
from common.documents.reader import Source, read
from common.strangers import one_line

_References = Mapping[tuple[str, str], dict[str, Any]]
_Taken = dict[tuple[str, str, str], tuple[Document, str]]
"""By identity: a document, and the file and number of where it was said."""
_FORMATS: Final[dict[str, tuple[str, Callable[[dict[str, Any], Notes], list[Document]]]]] = {
    API_VERSION: ("burnline", own.parse),
    "prometheus/v1": ("sloth", sloth.parse_plain),
    "sloth.slok.dev/v1": ("sloth", sloth.parse_crd),
    **dict.fromkeys(pyrra.API_VERSIONS, ("pyrra", pyrra.parse)),
}
_OPENSLO: Final = (openslo.V1, openslo.V1ALPHA)
_UNKNOWN: Final = "unknown"


def lint(files: Iterable[tuple[str, str]]) -> list[Linted]:
    """Return what becomes of each document of (name, text) files, in their order.

    The documents of all files are one set: references reach across them, and what two of them say
    twice is refused. A fault of YAML is one entry for the rest of its file.
    """
    found = [(file, source) for file, text in files for source in read(text)]
    references = _references(source for _, source in found)
    taken: _Taken = {}
    linted = [_linted(file, source, references, taken) for file, source in found]
    return [
        _checked(entry, source, taken) for entry, (_, source) in zip(linted, found, strict=True)
    ]


def documents(linted: Iterable[Linted]) -> list[Document]:
    """Return the documents that were taken, each once: services that are described win."""
    found: dict[tuple[str, str, str], Document] = {}
    for entry in linted:
        for document in entry.documents:
            key = identity(document)
            if key not in found or _is_bare(found[key]):
                found[key] = document
    order = list(KINDS)
    return sorted(found.values(), key=lambda document: order.index(document.kind))


def _is_bare(document: Document) -> bool:
    """Return whether it is a service of which only the name is said."""
    return isinstance(document, Service) and document == Service.model_validate(
        {"metadata": {"name": document.metadata.name}}
    )


def _references(sources: Iterable[Source | RefusedError]) -> _References:
    found = {}
    for source in sources:
        value = source.value if isinstance(source, Source) else None
        if isinstance(value, dict) and value.get("apiVersion") in _OPENSLO:
            metadata = value.get("metadata")
            kind, name = (
                value.get("kind"),
                metadata.get("name") if isinstance(metadata, dict) else None,
            )
            if isinstance(kind, str) and isinstance(name, str):
                found[kind, name] = value
    return found


def _linted(
    file: str,
    source: Source | RefusedError,
    references: _References,
    taken: _Taken,
) -> Linted:
    if isinstance(source, RefusedError):
        bare = Linted(file, source.document, "", "", _UNKNOWN)
        return _refused(bare, source, {}, "")
    notes = Notes()
    found: list[Document] = []
    error = None
    try:
        found = _parsed(source.value, notes, references)
        _add(found, taken, f"{file}, document {source.number}")
    except RefusedError as refusal:
        found, error = [], refusal
    kept = [replace(n, path=f"{source.prefix}{n.path}".rstrip(".")) for n in notes.notes]
    entry = replace(_entry(file, source), notes=tuple(kept), documents=tuple(found))
    return entry if error is None else _refused(entry, error, source.lines, source.prefix)


def _checked(entry: Linted, source: Source | RefusedError, taken: _Taken) -> Linted:
    """Return the entry, refused where its SLO cannot be promised of the indicator it names."""
    if isinstance(source, RefusedError):
        return entry
    for document in entry.documents:
        if isinstance(document, SLO):
            key = ("Indicator", document.metadata.service, document.spec.indicator)
            indicator = taken.get(key, (None, ""))[0]
            try:
                own.check_slices(document, indicator if isinstance(indicator, Indicator) else None)
            except RefusedError as error:
                refused = replace(entry, documents=())
                return _refused(refused, error, source.lines, source.prefix)
    return entry


def _entry(file: str, source: Source) -> Linted:
    value = source.value if isinstance(source.value, dict) else {}
    metadata = value.get("metadata")
    name = metadata.get("name") if isinstance(metadata, dict) else value.get("service")
    version = _version(value)
    kind = value.get("kind", "PrometheusServiceLevel" if version == "prometheus/v1" else "")
    known = "openslo" if version in _OPENSLO else _FORMATS.get(_text(version), (_UNKNOWN,))[0]
    return Linted(file, source.number, _text(kind), _text(name), known)


def _version(value: Mapping[str, Any]) -> Any:
    """Return which format a document says it is of; Pyrra's may leave it out."""
    version = value.get("apiVersion", value.get("version"))
    if version is None and value.get("kind") == "ServiceLevelObjective":
        return pyrra.API_VERSIONS[0]
    return version


def _text(value: Any) -> str:
    return one_line(value)[:253] if isinstance(value, str) else ""


def _refused(entry: Linted, error: RefusedError, lines: Mapping[str, int], prefix: str) -> Linted:
    path = f"{prefix}{error.path}".rstrip(".")
    line = error.line
    near = path
    while line is None and near:
        line = lines.get(near)
        near = near[: max(near.rfind("."), near.rfind("["), 0)]
    line = line or lines.get("")
    return replace(entry, code=error.code, path=path or "document", reason=error.reason, line=line)


def _parsed(value: Any, notes: Notes, references: _References) -> list[Document]:
    if not isinstance(value, dict):
        raise RefusedError("invalid_value", "", "must be a mapping of fields")
    version = _version(value)
    if version in _OPENSLO:
        return openslo.parse(value, notes, references)
    if not isinstance(version, str) or version not in _FORMATS:
        path = "version" if "version" in value and "apiVersion" not in value else "apiVersion"
        known = ", ".join([*_FORMATS, *_OPENSLO])
        raise RefusedError("format_unknown", path, f"must be one of {known}")
    return _FORMATS[version][1](value, notes)


def _add(found: Iterable[Document], taken: _Taken, place: str) -> None:
    """Add documents to those taken; raise RefusedError for what is there already."""
    added: _Taken = {}
    for document in found:
        key = identity(document)
        known, where = added.get(key) or taken.get(key) or (None, "")
        may_repeat = isinstance(document, Service | Indicator) and known == document
        is_bare = known is not None and (_is_bare(known) or _is_bare(document))
        if known is not None and not may_repeat and not is_bare:
            service = f" of service {key[1]}" if key[1] else ""
            reason = f"{key[0]} {key[2]}{service} is in {where} already; rename or remove one"
            raise RefusedError("duplicate", "metadata.name", reason)
        if known is None or not _is_bare(document):
            added[key] = document, place
    taken.update(added)


def lines(entries: Iterable[Linted]) -> Iterator[str]:
    """Give the text of each entry: where, what, and below it every note."""
    for entry in entries:
        place = f"{entry.file}:{entry.line}" if entry.line else entry.file
        called = " ".join(filter(None, (entry.kind, entry.name)))
        head = f"{place}: document {entry.document}"
        yield f"{head} ({entry.format}) {called}: {entry.verdict}".replace("  ", " ")
        if entry.code:
            yield f"  {entry.path}: {entry.reason} [{entry.code}]"
        for note in entry.notes:
            yield f"  note: {f'{note.path}: ' if note.path else ''}{note.text} [{note.code}]"
