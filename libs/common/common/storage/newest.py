"""Tables that keep the newest result of each service, by whichever owner of its shard."""

from collections.abc import Sequence
from functools import cache

from sqlalchemy import TextClause, text

from common.events import BurnRateSnapshot, ServiceForecast, encode
from common.storage.database import WriteSession


@cache
def _statement(table: str) -> TextClause:
    return text(
        f"""INSERT INTO {table} AS known (service, shard, epoch, evaluated_at, payload)
    SELECT name, shard, epoch, at, CAST(payload AS jsonb)
    FROM unnest(CAST(:services AS text[]), CAST(:shards AS int[]), CAST(:epochs AS bigint[]),
        CAST(:instants AS timestamptz[]), CAST(:payloads AS text[]))
        AS x (name, shard, epoch, at, payload)
    ON CONFLICT (service) DO UPDATE
    SET shard = excluded.shard, epoch = excluded.epoch, evaluated_at = excluded.evaluated_at,
        payload = excluded.payload
    WHERE (excluded.epoch, excluded.evaluated_at) > (known.epoch, known.evaluated_at)"""  # noqa: S608 - a constant
    )


async def store_newest(
    session: WriteSession, table: str, results: Sequence[BurnRateSnapshot | ServiceForecast]
) -> None:
    """Store results, each unless the table has a newer one of its service."""
    # sorted, so that two transactions cannot wait for each other
    ordered = sorted(results, key=lambda result: result.service_name)
    await session.execute(
        _statement(table),
        {
            "services": [result.service_name for result in ordered],
            "shards": [result.shard for result in ordered],
            "epochs": [result.epoch for result in ordered],
            "instants": [result.evaluated_at for result in ordered],
            "payloads": [encode(result).decode() for result in ordered],
        },
    )
