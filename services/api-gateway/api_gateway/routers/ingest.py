"""/api/ingest: what the consumers could not read, and how far they are behind."""

from datetime import UTC, datetime
from typing import Annotated, Any

from aiokafka.errors import KafkaError
from fastapi import Depends, Path, Query

from api_gateway.http.operations import Operations
from api_gateway.http.pagination import Page, page_of
from api_gateway.http.problems import broker_unavailable
from api_gateway.http.types import NO_TEXT, TEXT_PATTERN
from api_gateway.ingest_health.domain import DeadLetterQuery, StoredDeadLetter
from api_gateway.ingest_health.lag import LagReader
from api_gateway.ingest_health.schemas import (
    SHOWN_CHARACTERS,
    DeadLetterAnswer,
    DeadLetterSumAnswer,
    LagAnswer,
    ReplayRequest,
    SkippedBatchAnswer,
    SkipRequest,
)
from api_gateway.ingest_health.service import DeadLetterService
from api_gateway.ingest_health.skips import BatchSkips
from api_gateway.routers.dependencies import ServerClock, provided
from common.http.problems import Problem, responses

router = Operations(prefix="/api/ingest", tags=["ingest"])

DeadLetters = Annotated[DeadLetterService, provided(DeadLetterService)]
Lag = Annotated[LagReader, provided(LagReader)]
Skips = Annotated[BatchSkips, provided(BatchSkips)]

DEAD_LETTER_ID_PATTERN = "^[0-9a-f]{32}$"


def _dead_letter_key(parts: Any) -> tuple[datetime, str]:
    at, dead_letter_id = parts
    found = datetime.fromisoformat(at)
    if found.tzinfo is None or type(dead_letter_id) is not str or NO_TEXT.search(dead_letter_id):
        raise ValueError(parts)
    return found.astimezone(UTC), dead_letter_id


DeadLetterPage = Annotated[Page[tuple[datetime, str]], Depends(page_of(_dead_letter_key))]
DeadLetterPath = Annotated[
    str, Path(pattern=DEAD_LETTER_ID_PATTERN, description="A dead letter's id", examples=["0" * 32])
]


@router.get("/dead-letters", summary="Dead letters, newest first")
async def list_dead_letters(
    dead_letters: DeadLetters,
    page: DeadLetterPage,
    code: Annotated[
        str | None,
        Query(max_length=64, pattern=TEXT_PATTERN, description="Only with this code"),
    ] = None,
    topic: Annotated[
        str | None,
        Query(max_length=249, pattern=TEXT_PATTERN, description="Only of this topic"),
    ] = None,
) -> list[DeadLetterAnswer]:
    """Records whose content is wrong, with the reason; of long ones the beginning."""
    query = DeadLetterQuery(page.after, page.fetch_limit, code, topic)
    found = await dead_letters.all(query)
    shown = page.cut(found, lambda one: [one.recorded_at.isoformat(), one.id])
    return [DeadLetterAnswer.of(one, SHOWN_CHARACTERS) for one in shown]


@router.get(
    "/dead-letters/sums",
    summary="Dead letters that are only counted, by cause",
    responses=responses(422, 503),
)
async def list_dead_letter_sums(
    dead_letters: DeadLetters, limit: Annotated[int, Query(ge=1, le=1_000)] = 200
) -> list[DeadLetterSumAnswer]:
    """Of one cause (topic, code, sender) 1 000 an hour are kept; the rest is summed up here."""
    found = await dead_letters.sums(limit)
    return [DeadLetterSumAnswer.model_validate(one) for one in found]


async def _existing(dead_letters: DeadLetters, id: DeadLetterPath) -> StoredDeadLetter:  # noqa: A002 - the path's word
    return await dead_letters.one(id)


ExistingDeadLetter = Annotated[StoredDeadLetter, Depends(_existing)]


@router.get("/dead-letters/{id}", summary="One dead letter", responses=responses(404, 422))
async def get_dead_letter(dead_letter: ExistingDeadLetter) -> DeadLetterAnswer:
    """A dead letter with as much of its record as is kept."""
    return DeadLetterAnswer.of(dead_letter)


@router.post(
    "/dead-letters/{id}/replay",
    status_code=202,
    summary="Send a dead letter's record again",
    responses=responses(404, 409),
)
async def replay_dead_letter(
    dead_letters: DeadLetters,
    clock: ServerClock,
    dead_letter: ExistingDeadLetter,
    body: ReplayRequest,
) -> DeadLetterAnswer:
    """Send it as it was, or corrected by `event`; it counts as of when it first came.

    409 where that was done before. 422 where it would be refused again: what is too late by then,
    and all history, goes by `burnline import`.
    """
    replayed = await dead_letters.replay(dead_letter.id, body.event, body.actor, clock())
    return DeadLetterAnswer.of(replayed)


@router.post("/skips", summary="Skip a batch that cannot be decoded", responses=responses(409))
async def skip_batch(skips: Skips, clock: ServerClock, body: SkipRequest) -> SkippedBatchAnswer:
    """Let a consumer go on behind it: its records are never counted. The audit keeps it.

    409 unless just there stands a batch that cannot be decoded and comes next.
    """
    try:
        return await skips.skip(body, clock())
    except (KafkaError, TimeoutError):
        raise _no_broker() from None


@router.get("/lag", summary="Consumer lag")
async def get_lag(lag: Lag) -> LagAnswer:
    """By shard: the next record to be applied, the end of the log, and how old what waits is.

    Measured at most once a second. `newest_at` in GET /api/overview is the time of each service's
    last event. The end of a producer's transaction takes an offset and counts here.
    """
    try:
        return await lag.measure()
    except (KafkaError, TimeoutError):
        raise _no_broker() from None


def _no_broker() -> Problem:
    detail = "Kafka does not tell where its logs end; ask again in a moment."
    return broker_unavailable(detail)
