"""What may be asked of the audit, and where the object of an entry is found. Pure."""

from dataclasses import asdict, dataclass
from datetime import datetime
from urllib.parse import quote, urlencode

_PATHS = {
    "service": "/api/services/{name}",
    "target": "/api/slo/{service}/targets",
    "override": "/api/release/{service}/override/{name}",
    "loosening": "/api/loosenings/{name}",
    "policy": "/api/policies/{name}",
    "rule": "/api/rules/{name}",
    "channel": "/api/channels",
    "silence": "/api/silences/{name}",
    "alert": "/api/alerts/{name}/history",
    "key": "/api/keys/{name}",
    "dead-letter": "/api/ingest/dead-letters/{name}",
}


@dataclass(frozen=True, slots=True, kw_only=True)
class AuditFilter:
    """Which entries are asked for; None: whichever.

    `person` is a credential, by id or name, or a name that was typed; `action` a whole one or its
    last part; `object_name` what follows the type in a subject, or the object's own name.
    """

    service_name: str | None = None
    subject: str | None = None
    object_type: str | None = None
    object_name: str | None = None
    person: str | None = None
    action: str | None = None
    since: datetime | None = None
    until: datetime | None = None

    def in_words(self) -> str | None:
        """Return what is asked for as a query; None for all entries."""
        asked = {name: value for name, value in asdict(self).items() if value is not None}
        times = {n: v.isoformat() for n, v in asked.items() if isinstance(v, datetime)}
        return urlencode({**asked, **times}) or None


def object_path(subject: str, service_name: str | None) -> str | None:
    """Return the path under which REST shows what an entry is about; None where it does not."""
    kind, _, name = subject.partition("/")
    path = _PATHS.get(kind)
    return path and path.format(name=quote(name, safe=""), service=service_name)
