"""Dead letters and lag over HTTP: what a request may say, what an answer says."""

from dataclasses import asdict
from datetime import datetime
from typing import Annotated, Any, Final, Literal, Self

from pydantic import Field

from api_gateway.http.types import BY, WHOLE, Actor, Answer, Instant, Statement
from api_gateway.ingest_health.domain import StoredDeadLetter

SHOWN_CHARACTERS = 2_000
LARGEST_PARTITION: Final = 2**31 - 1
LARGEST_OFFSET: Final = 2**53 - 1  # what JSON's readers hold exactly


class ReplayRequest(Actor):
    """Who sends a dead letter's record again; `event` stands in its place, corrected."""

    event: dict[str, Any] | None = Field(
        None,
        description="The corrected record, whole; left out: the record as it was",
        examples=[{"service": "checkout", "timestamp": "2026-11-23T06:40:00Z", "total": 9}],
    )


class DeadLetterAnswer(Answer):
    """A record whose content was wrong: why, where it stood, and whether it was sent again."""

    id: str
    recorded_at: Instant
    code: str
    field: str
    detail: str
    topic: str
    partition: int
    offset: int
    appended_at: Instant = Field(description="When the broker took the record; a replay keeps it")
    value: str | None = Field(description="The record, as text; null where it is none")
    value_bytes: int | None
    is_complete: bool = Field(description="Whether `value` is all of the record")
    correlation_id: str | None
    replayed_at: Instant | None
    replayed_by: str | None = Field(description=BY)
    replayed_on_behalf_of: str | None
    corrected: bool | None = Field(description="Whether another record was sent in its place")

    @classmethod
    def of(cls, dead_letter: StoredDeadLetter, characters: int | None = None) -> Self:
        """Return the answer for a dead letter; with `characters` the value's beginning alone."""
        text = _text(dead_letter.value)
        shown = None if text is None else text[:characters]
        stored = asdict(dead_letter)
        return cls.model_validate(
            {
                **stored,
                "offset": stored["record_offset"],
                "value": shown,
                "is_complete": dead_letter.is_whole and shown is not None and shown == text,
            }
        )


class SkipRequest(Statement):
    """The batch that a consumer should go on behind; who wants it, and why."""

    topic: Literal["slo.metrics.v1", "slo.history.v1", "slo.changes.v1"]
    partition: Annotated[int, Field(ge=0, le=LARGEST_PARTITION), WHOLE]
    offset: Annotated[
        int, Field(ge=0, le=LARGEST_OFFSET, description="As `undecodable` of the lag has it"), WHOLE
    ]


class SkippedBatchAnswer(Answer):
    """A batch that a consumer goes on behind; none of its records is counted."""

    service: str = Field(description="The consumer", examples=["burnrate"])
    topic: str
    partition: int
    offset: int
    next_offset: int = Field(description="Where it goes on")
    skipped_at: Instant


class UndecodableAnswer(Answer):
    """A batch that no record can be read from: nothing behind it in its shard is counted."""

    offset: int
    next_offset: int | None = Field(
        description="Behind its last record; null where the batch does not say so credibly"
    )
    reason: str = Field(description="Why it cannot be decoded")


class DeadLetterSumAnswer(Answer):
    """Records of one cause in one hour that were refused beyond the dead letters that are kept."""

    topic: str
    code: str
    sender: str = Field(
        description="The credential that sent them, where it is known",
        examples=["key/4f1d09c2ab37"],
    )
    hour: Instant
    records: int = Field(description="How many are counted here, without those that are kept")
    newest_at: Instant
    detail: str = Field(description="What was wrong with the last of them")


class ShardLagAnswer(Answer):
    """How far one consumer is behind in one topic of one shard."""

    service: str = Field(description="The consumer", examples=["burnrate"])
    topic: str
    shard: int
    owner: str | None = Field(description="`host:pid` of the last holder; null: never held")
    epoch: int | None
    next_offset: int = Field(description="The first record that is not applied")
    stable_offset: int = Field(
        description="Before the first record of an open transaction, which nobody can apply yet; "
        "else the same as `end_offset`"
    )
    end_offset: int = Field(description="Where the next record will stand")
    lag_records: int
    lag_seconds: float | None = Field(
        description="Age of the oldest record not applied; 0 without one; null: not known"
    )
    applied_through: Instant | None = Field(description="Append time of the last applied record")
    undecodable: UndecodableAnswer | None = Field(
        description="The batch at which the consumer stands still; null where it can go on"
    )


class OutboxLagAnswer(Answer):
    """What one service has stored and still to announce."""

    service: str
    waiting: int = Field(description="Records")
    lag_seconds: float = Field(description="Age of the oldest; 0 without one")


class LagAnswer(Answer):
    """How far the consumers of events are behind, by their own ledgers."""

    measured_at: Instant
    lag_records: int = Field(description="Of all shards together")
    lag_seconds: float | None = Field(description="Of the shard that is furthest behind")
    shards: list[ShardLagAnswer]
    outboxes: list[OutboxLagAnswer]

    @classmethod
    def of(
        cls, shards: list[ShardLagAnswer], outboxes: list[OutboxLagAnswer], now: datetime
    ) -> Self:
        """Return the answer for what was measured; of unknown age where one shard's is."""
        ages = [shard.lag_seconds for shard in shards]
        known = [age for age in ages if age is not None]
        return cls(
            measured_at=now,
            lag_records=sum(shard.lag_records for shard in shards),
            lag_seconds=max(known, default=0.0) if known == ages else None,
            shards=shards,
            outboxes=outboxes,
        )


def _text(value: bytes | None) -> str | None:
    """Return a value as text; None for what is none, such as a format of its own."""
    if value is None:
        return None
    try:
        return value.decode()
    except UnicodeDecodeError:
        return None
