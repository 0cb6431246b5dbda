"""Every payload that crosses Kafka, spelled once. JSON on the wire, RFC 3339 in UTC."""

import msgspec

from common.events.access import ApiKeyChanged, ApiKeyUsed, KeySecret, Scope
from common.events.alerting import (
    AlertAcknowledged,
    AlertChanged,
    AlertFigures,
    ChannelChanged,
    ChannelTestRequested,
    RuleChanged,
    SilenceChanged,
)
from common.events.audit import AuditHeadMoved
from common.events.burnrate import (
    BurnPair,
    BurnRateSnapshot,
    IngestCounters,
    ShardHeartbeat,
    SloStatus,
    WindowRate,
    headline,
    least_budget_of,
    reporter_of,
    worst_of,
)
from common.events.catalog import (
    DEFAULT_TARGET_NAME,
    ComputeRequested,
    ServiceChanged,
    TargetChanged,
    TargetSpec,
)
from common.events.change import (
    CHANGING_KINDS,
    MAX_NOTE_LENGTH,
    MAX_URL_LENGTH,
    NOTE,
    ChangeEvent,
    ChangeKind,
)
from common.events.dead_letter import DeadLetter
from common.events.decision import (
    ChangeClass,
    Decision,
    GateDecision,
    OnUnknown,
    Reason,
    ReleaseState,
    Verdict,
)
from common.events.fields import (
    COUNT_LIMIT,
    MAX_ATTRIBUTE_LENGTH,
    MAX_ATTRIBUTE_NAME_LENGTH,
    MAX_ATTRIBUTES,
    MAX_BOUNDS,
    MAX_TEXT_LENGTH,
    MAX_WINDOW_SECONDS,
)
from common.events.forecast import (
    Confidence,
    Exhaustion,
    ForecastStatus,
    ServiceForecast,
    SloForecast,
    Trend,
    first_spent,
)
from common.events.metric import Latency, MetricEvent
from common.events.policy import (
    LoosenedField,
    LooseningChanged,
    LooseningState,
    OverrideChanged,
    OverrideState,
    PolicyChanged,
)

BurnRateMessage = BurnRateSnapshot | ShardHeartbeat
CatalogMessage = ServiceChanged | TargetChanged
PolicyMessage = PolicyChanged | OverrideChanged | LooseningChanged
RuleMessage = RuleChanged | SilenceChanged | ChannelChanged | AlertAcknowledged
CommandMessage = ComputeRequested | ChannelTestRequested
AccessMessage = ApiKeyChanged | ApiKeyUsed
Event = (
    MetricEvent
    | ChangeEvent
    | BurnRateMessage
    | ServiceForecast
    | GateDecision
    | CatalogMessage
    | PolicyMessage
    | RuleMessage
    | AlertChanged
    | CommandMessage
    | AccessMessage
    | AuditHeadMoved
    | DeadLetter
)

_encoder = msgspec.json.Encoder()


def encode(event: Event) -> bytes:
    """Return the event as it goes over the wire."""
    return _encoder.encode(event)
