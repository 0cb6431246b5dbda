"""/api/ingest: what the consumers could not take, and how far they are behind."""

# ruff: noqa: FAST003 - a dependency reads the path's parameter

from datetime import UTC, datetime
from typing import Annotated, Any

from aiokafka.errors import KafkaError
from fastapi import APIRouter, Depends, Path, Query

from api_gateway.http.json_body import describes_body, json_body
from api_gateway.http.pagination import LINK_HEADER, Page, page_of
from api_gateway.http.types import NO_TEXT, TEXT_PATTERN
from api_gateway.ingest_health.domain import Letter
from api_gateway.ingest_health.ports import LetterQuery
from api_gateway.ingest_health.schemas import (
    SHOWN_CHARACTERS,
    DeadLetterAnswer,
    LagAnswer,
    ReplayRequest,
)
from api_gateway.routers.dependencies import GatewayParts
from common.http.problems import Problem, responses

router = APIRouter(prefix="/api/ingest", tags=["ingest"])

LETTER_ID_PATTERN = "^[0-9a-f]{32}$"


def _letter_key(parts: Any) -> tuple[datetime, str]:
    at, letter_id = parts
    found = datetime.fromisoformat(at)
    if found.tzinfo is None or type(letter_id) is not str or NO_TEXT.search(letter_id):
        raise ValueError(parts)
    return found.astimezone(UTC), letter_id


LetterPage = Annotated[Page[tuple[datetime, str]], Depends(page_of(_letter_key))]
LetterPath = Annotated[
    str, Path(pattern=LETTER_ID_PATTERN, description="A dead letter's id", examples=["0" * 32])
]


@router.get(
    "/dead-letters",
    summary="Records that could not be taken, newest first",
    responses={200: {"headers": LINK_HEADER}, **responses(422, 503)},
)
async def list_dead_letters(
    gateway: GatewayParts,
    page: LetterPage,
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
    query = LetterQuery(page.after, page.fetch_limit, code, topic)
    async with gateway.ingest.store.read() as reader:
        found = await reader.letters(query)
    shown = page.cut(found, lambda letter: [letter.recorded_at.isoformat(), letter.id])
    return [DeadLetterAnswer.of(letter, SHOWN_CHARACTERS) for letter in shown]


async def _existing(gateway: GatewayParts, id: LetterPath) -> Letter:  # noqa: A002 - the path's word
    return await gateway.ingest.letters.one(id)


ExistingLetter = Annotated[Letter, Depends(_existing)]


@router.get("/dead-letters/{id}", summary="One dead letter", responses=responses(404, 422, 503))
async def get_dead_letter(letter: ExistingLetter) -> DeadLetterAnswer:
    """A dead letter with as much of its record as is kept."""
    return DeadLetterAnswer.of(letter)


@router.post(
    "/dead-letters/{id}/replay",
    status_code=202,
    summary="Send a dead letter's record again",
    responses=responses(404, 409, 413, 415, 422, 503),
    openapi_extra=describes_body(ReplayRequest),
)
async def replay_dead_letter(
    gateway: GatewayParts,
    letter: ExistingLetter,
    wanted: Annotated[ReplayRequest, Depends(json_body(ReplayRequest))],
) -> DeadLetterAnswer:
    """Send it as it was, or corrected by `event`; it counts as of when it first came.

    409 where that was done before. 422 where it would be refused again: what is too late by then,
    and all history, goes by `burnline import`.
    """
    now = gateway.clock()
    replayed = await gateway.ingest.letters.replay(letter.id, wanted.event, wanted.actor, now)
    return DeadLetterAnswer.of(replayed)


@router.get(
    "/lag",
    summary="How far the consumers are behind",
    responses=responses(503),
)
async def get_lag(gateway: GatewayParts) -> LagAnswer:
    """By shard: the next record to be applied, the end of the log, and how old what waits is.

    Measured at most once a second. `newest_at` in GET /api/overview tells of each service when
    its last event was. The end of a producer's transaction takes an offset and counts here.
    """
    try:
        return LagAnswer.model_validate(await gateway.ingest.lag.measure())
    except (KafkaError, TimeoutError):
        detail = "Kafka does not tell where its logs end; ask again in a moment."
        raise Problem(503, "broker_unavailable", detail, headers={"Retry-After": "1"}) from None
