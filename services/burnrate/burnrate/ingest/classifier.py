"""What a record is: an event that counts, one for another shard, or one whose content is wrong.

Pure: the record alone decides, so that a replay gives the same.
"""

import hashlib
import re
from dataclasses import dataclass
from datetime import datetime, timedelta

from burnrate.domain.batch import ImportStream
from burnrate.domain.series_index import Origin
from burnrate.ingest.columns import Counted
from common.admission.fields import APPEND_SLACK
from common.admission.identity import KEY_BYTES, identity_of
from common.admission.metric_events import (
    HISTORY_AGE,
    EventRejected,
    check_time,
    parse_metric_event,
)
from common.events import MetricEvent
from common.kafka.client import Record, header, sender_of
from common.kafka.headers import (
    FORWARDED_AT_HEADER,
    FORWARDED_FROM_HEADER,
    IMPORT_ID_HEADER,
    IMPORT_LINE_HEADER,
    REPLAYED_FROM_HEADER,
)
from common.kafka.sharding import shard_of
from common.kafka.topics import HISTORY
from common.slo.streams import MAX_INDICATORS
from common.storage.dead_letters import DeadRecord, dead_letter, first_appended_at, whole_number

_LINE_DIGITS = 18  # what a bigint holds
_MAX_IMPORT_ID = 128
_PLACE = re.compile(r"[0-9]{1,10}:[0-9]{1,19}")


@dataclass(frozen=True, slots=True)
class Rules:
    """What decides beside the record."""

    shard: int
    shards: int
    lateness: timedelta


@dataclass(frozen=True, slots=True)
class Misrouted:
    """An event of another shard, to be sent there as it came."""

    record: Record
    service: str
    shard: int
    appended_at: datetime


Classification = Counted | Misrouted | DeadRecord


def classify(record: Record, rules: Rules) -> Classification:
    """Return what the record is. Never raises, whatever its bytes are."""
    appended_at = first_appended_at(record)
    try:
        event = parse_metric_event(record.value)
        history = record.topic == HISTORY.name
        lateness = HISTORY_AGE if history else rules.lateness
        check_time(event.timestamp, appended_at, lateness, APPEND_SLACK)
        forwarded_from = _forwarded_from(record)
        home = _home(event.service, rules, forwarded_from)
        if home != rules.shard:
            return Misrouted(record, event.service, home, appended_at)
        stream, line = _place(record, forwarded_from) if history else (None, 0)
    except EventRejected as rejection:
        return DeadRecord(record, dead_letter(record, appended_at, rejection))
    return Counted(
        event,
        appended_at,
        _identity(event, record, forwarded_from),
        anonymous=stream is None and not (event.event_id or event.source),
        misrouted=forwarded_from is not None,
        stream=stream,
        line=line,
    )


def beyond_quota(record: Record, counted: Counted, *, indicators: bool) -> DeadRecord:
    """Return the dead letter of an event whose stream would be one too many.

    `indicators`: it is its service that has too many of them.
    """
    stream = counted.event.stream
    if indicators:
        rejection = EventRejected(
            "indicator",
            "too_many_indicators",
            f"{stream} is new, and a service has at most {MAX_INDICATORS} indicators; send "
            "fewer names",
        )
    else:
        rejection = EventRejected(
            "service",
            "too_many_services",
            f"{stream} is new, and no more services (and as many indicators) are counted; raise "
            "BURNRATE_MAX_SERVICES or send fewer names",
        )
    return DeadRecord(record, dead_letter(record, counted.appended_at, rejection))


def origin_of(source: str, record: Record) -> Origin:
    """Return who brings the name of a record's event."""
    return Origin(source, sender_of(record))


def _forwarded_from(record: Record) -> str | None:
    """Return partition and offset of a forwarded record; what has another form is not ours."""
    place = header(record, FORWARDED_FROM_HEADER)
    return place if place and _PLACE.fullmatch(place) else None


def _home(service: str, rules: Rules, forwarded_from: str | None) -> int:
    home = shard_of(service, rules.shards)
    if home != rules.shard and forwarded_from:
        raise EventRejected(
            "key", "partitions_changed", "was forwarded here, but belongs elsewhere"
        )
    return home


def _place(record: Record, forwarded_from: str | None) -> tuple[ImportStream, int]:
    """Return stream and line of a record of an import."""
    import_id = header(record, IMPORT_ID_HEADER)
    line = whole_number(header(record, IMPORT_LINE_HEADER), _LINE_DIGITS)
    if not import_id or len(import_id) > _MAX_IMPORT_ID or "\0" in import_id:
        raise EventRejected(
            "headers.import_id",
            "import_id_missing",
            "history comes with `burnline import`; live events go to the metrics topic",
        )
    if not line:
        raise EventRejected(
            "headers.import_line", "import_line_invalid", "must be a whole number above 0"
        )
    # forwarded records keep their order among themselves only
    partition = forwarded_from.split(":")[0] if forwarded_from else ""
    return (import_id, partition), line


def _identity(event: MetricEvent, record: Record, forwarded_from: str | None) -> bytes | None:
    identity = identity_of(event)
    if identity is not None:
        return identity
    if replayed_from := header(record, REPLAYED_FROM_HEADER):
        # a dead letter is replayed once, but the outbox may send that twice
        text = f"replayed\0{replayed_from}"
    elif forwarded_from:
        # the outbox may send a forwarded record twice: its first place in the log identifies it,
        # with its time, since a topic that is made anew begins its offsets again
        at = header(record, FORWARDED_AT_HEADER)
        text = f"forwarded\0{record.topic}\0{forwarded_from}\0{at}"
    else:
        return None
    return hashlib.blake2b(text.encode(), digest_size=KEY_BYTES).digest()
