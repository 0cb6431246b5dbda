"""Hash events to find repeats, and repeats with other content, one by one or in batches.

The key of an event that has an id is XXH3-128 of the id, combined with a salt for its stream and
one for its source, so that a batch is hashed with one call for each id and two lookups. An event
with a source but no id is known by its content (BLAKE2b-128). Stored dedup keys are
compared with these: a change here counts the repeats of the last day twice.
"""

import hashlib
from collections.abc import Mapping, Sequence
from functools import lru_cache

import msgspec
import numpy as np
import xxhash
from numpy.typing import NDArray

from common.config.clock import to_micros
from common.events import Latency, MetricEvent

KEY_BYTES = 16
Keys = NDArray[np.uint64]
"""[n, 2]: the lower and the upper half of each 128-bit key."""
Hashes = NDArray[np.uint32]

_MULTIPLIERS = tuple(
    np.uint64(m)
    for m in (0x9E3779B97F4A7C15, 0xC2B2AE3D27D4EB4F, 0x165667B19E3779F9, 0xD6E8FEB86659FD93)
)
_SHIFT = np.uint64(32)


@lru_cache(maxsize=65_536)
def salt(kind: str, name: str) -> int:
    """Return the 128 bits that stand for a name of a kind: `service` (of a stream) or `source`."""
    named = f"{kind}\0{name}".encode()
    return int.from_bytes(hashlib.blake2b(named, digest_size=KEY_BYTES).digest(), "little")


def salts(kind: str, names: Sequence[str]) -> Keys:
    """Return [n, 2] salts."""
    return keys_of([salt(kind, name).to_bytes(KEY_BYTES, "little") for name in names])


def keys_of(keys: Sequence[bytes]) -> Keys:
    """Return [n, 2] of n keys as `identity_of` gives them."""
    return np.frombuffer(b"".join(keys), "<u8").reshape(-1, 2)


def id_hashes(event_ids: Sequence[str]) -> Keys:
    """Return [n, 2] hashes of event ids, to be combined with the salts of service and source."""
    return keys_of(list(map(xxhash.xxh3_128_digest, map(str.encode, event_ids))))


def identity_of(event: MetricEvent) -> bytes | None:
    """Return the event's key, 16 bytes; None where it has neither `event_id` nor `source`."""
    if event.event_id:
        id_hash = int.from_bytes(xxhash.xxh3_128_digest(event.event_id.encode()), "little")
        key = id_hash ^ salt("service", event.stream) ^ salt("source", event.source)
        return key.to_bytes(KEY_BYTES, "little")
    if not event.source:
        return None
    content = msgspec.json.encode(
        (
            event.timestamp,
            event.window_seconds,
            event.total,
            event.bad,
            (event.latency.bounds, event.latency.counts) if event.latency else None,
            sorted(event.attributes.items()),
        )
    )
    named = f"content\0{event.stream}\0{event.source}\0".encode() + content
    return hashlib.blake2b(named, digest_size=KEY_BYTES).digest()


def content_of(event: MetricEvent) -> int:
    """Return a hash of 32 bits of what an event says: its times, counts and attributes."""
    details = np.array([details_hash(event.latency, event.attributes)], np.uint64)
    hashes = content_hashes(
        np.array([to_micros(event.timestamp)], np.int64),
        np.array([event.window_seconds], np.int64),
        np.array([event.total], np.int64),
        np.array([event.bad or 0], np.int64),
        details,
    )
    return int(hashes[0])


def details_hash(latency: Latency | None, attributes: Mapping[str, str]) -> int:
    """Return a hash of 64 bits of the parts that most events do not have; 0 without any."""
    if latency is None and not attributes:
        return 0
    shape = (latency.bounds, latency.counts) if latency else None
    return xxhash.xxh3_64_intdigest(msgspec.json.encode((shape, sorted(attributes.items()))))


def content_hashes(
    micros: NDArray[np.int64],
    window_seconds: NDArray[np.int64],
    total: NDArray[np.int64],
    bad: NDArray[np.int64],
    details: NDArray[np.uint64],
) -> Hashes:
    """Return [n] content hashes of n events, `details` as `details_hash` gives them."""
    mixed = details.copy()
    columns = (micros, window_seconds, total, bad)
    for column, multiplier in zip(columns, _MULTIPLIERS, strict=True):
        mixed ^= column.view(np.uint64)
        mixed *= multiplier  # wraps on purpose, as in every multiplicative hash
        mixed ^= mixed >> _SHIFT
    return mixed.astype(np.uint32)
