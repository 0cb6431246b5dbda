"""Acquire, lock and advance shards in the ledger's tables."""

from collections.abc import Collection, Mapping
from dataclasses import asdict, dataclass
from datetime import datetime

from sqlalchemy import text

from common.config.settings import DatabaseSettings
from common.ledger.shard import RefusedError
from common.storage.database import Database, ReadSession, WriteSession


class FencedError(Exception):
    """Another process has taken the shard, or the stored offsets are not those we hold."""


class ForeignClusterError(RefusedError):
    """The ledger belongs to another Kafka cluster; its offsets mean nothing here."""


@dataclass(frozen=True, slots=True)
class StoredOffset:
    """The first offset not yet applied, and the append time up to which all is applied."""

    next_offset: int
    applied_through: datetime


class LedgerStore:
    """The ledger of one schema, inside the caller's transaction."""

    def __init__(self, schema: str) -> None:
        self._acquire = text(
            f"""INSERT INTO {schema}.shard AS s (shard, epoch, cluster_id, owner)
            VALUES (:shard, 1, :cluster_id, :owner)
            ON CONFLICT (shard) DO UPDATE
            SET epoch = s.epoch + 1, owner = excluded.owner, updated_at = now()
            RETURNING epoch, cluster_id"""  # noqa: S608 - the schema is ours
        )
        self._adopt = text(
            f"UPDATE {schema}.shard SET cluster_id = :cluster_id WHERE shard = :shard"  # noqa: S608
        )
        self._forget = text(
            f"DELETE FROM {schema}.shard_offset WHERE shard = :shard"  # noqa: S608
        )
        self._begin = text(
            f"""INSERT INTO {schema}.shard_offset (shard, topic, next_offset, applied_through)
            VALUES (:shard, :topic, :start, 'epoch') ON CONFLICT DO NOTHING"""  # noqa: S608
        )
        self._lock = text(
            f"SELECT epoch FROM {schema}.shard WHERE shard = :shard FOR UPDATE"  # noqa: S608
        )
        self._offsets = text(
            f"""SELECT topic, next_offset, applied_through
            FROM {schema}.shard_offset WHERE shard = :shard"""  # noqa: S608
        )
        self._advance = text(
            f"""UPDATE {schema}.shard_offset
            SET next_offset = :next_offset, applied_through = :applied_through
            WHERE shard = :shard AND topic = :topic"""  # noqa: S608
        )
        self._touch = text(
            f"""UPDATE {schema}.shard SET updated_at = now()
            WHERE shard = ANY(:shards) AND owner = :owner"""  # noqa: S608 - the schema is ours
        )
        self._skip = text(
            f"""UPDATE {schema}.shard_offset SET next_offset = :next_offset
            WHERE shard = :shard AND topic = :topic AND next_offset = :offset
            RETURNING shard"""  # noqa: S608
        )
        self._reset_shards = text(f"UPDATE {schema}.shard SET cluster_id = NULL")  # noqa: S608

    async def acquire(
        self,
        session: WriteSession,
        shard: int,
        owner: str,
        cluster_id: str,
        starts: Mapping[str, int],
    ) -> tuple[int, dict[str, StoredOffset]]:
        """Take the shard: the epoch rises, which fences whoever held it. Return epoch, offsets.

        The statement waits for a former owner's open transaction, so the offsets are current.
        Raises ForeignClusterError where the broker is another cluster than the shard's.
        """
        named = {"shard": shard, "cluster_id": cluster_id, "owner": owner}
        epoch, stored_cluster = (await session.execute(self._acquire, named)).one()
        if stored_cluster != cluster_id:
            if stored_cluster is not None:
                raise ForeignClusterError(
                    f"shard {shard} was filled from cluster {stored_cluster}, the broker is "
                    f"{cluster_id}; if that is meant, run `burnline ledger reset`"
                )
            await session.execute(self._adopt, {"shard": shard, "cluster_id": cluster_id})
            await session.execute(self._forget, {"shard": shard})
        for topic, start in starts.items():
            await session.execute(self._begin, {"shard": shard, "topic": topic, "start": start})
        return epoch, await self._read(session, shard)

    async def lock(
        self, session: WriteSession, shard: int, epoch: int, expected: Mapping[str, int]
    ) -> None:
        """Hold the shard's row for this transaction; raise FencedError if it is not ours."""
        found = (await session.execute(self._lock, {"shard": shard})).scalar_one_or_none()
        stored = await self.next_offsets(session, shard)
        if found != epoch or any(stored.get(t) != n for t, n in expected.items()):
            raise FencedError(
                f"shard {shard}: stored epoch {found} and offsets {stored}, "
                f"held epoch {epoch} and offsets {dict(expected)}"
            )

    async def advance(
        self, session: WriteSession, shard: int, offsets: Mapping[str, StoredOffset]
    ) -> None:
        """Store what has been applied in this transaction."""
        for topic, offset in offsets.items():
            await session.execute(self._advance, {"shard": shard, "topic": topic, **asdict(offset)})

    async def touch(self, session: WriteSession, shards: Collection[int], owner: str) -> None:
        """Note that the owner lives: whether it may commit is seen by doing so."""
        await session.execute(self._touch, {"shards": [*shards], "owner": owner})

    async def skip(
        self, session: WriteSession, shard: int, topic: str, offset: int, next_offset: int
    ) -> bool:
        """Go on behind records that are not applied; False unless `offset` comes next.

        Waits for the owner's open transaction. What the owner holds is fenced: it acquires anew.
        """
        await session.execute(self._lock, {"shard": shard})
        place = {"shard": shard, "topic": topic, "offset": offset, "next_offset": next_offset}
        return (await session.execute(self._skip, place)).scalar_one_or_none() is not None

    async def next_offsets(self, session: ReadSession, shard: int) -> dict[str, int]:
        """Return by topic the first offset that is not applied."""
        return {t: stored.next_offset for t, stored in (await self._read(session, shard)).items()}

    async def reset(self, session: WriteSession) -> None:
        """Let the next owner of each shard begin at the start of whatever log it finds."""
        await session.execute(self._reset_shards)

    async def _read(self, session: ReadSession, shard: int) -> dict[str, StoredOffset]:
        rows = (await session.execute(self._offsets, {"shard": shard})).all()
        return {r.topic: StoredOffset(r.next_offset, r.applied_through) for r in rows}


async def reset_ledger(database_url: str, schema: str) -> None:
    """Let a schema's shards begin at the start of the log of the broker they find next."""
    settings = DatabaseSettings(DATABASE_URL=database_url)
    async with Database.opened(settings, "ledger-reset") as database, database.write() as session:
        await LedgerStore(schema).reset(session)
