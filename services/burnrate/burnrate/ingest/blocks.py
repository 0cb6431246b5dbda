"""The blocks of counts that the owner of a shard holds, changes and stores as a whole. Pure.

Nobody else writes them, so that a copy in memory is as good as the row.
"""

from collections.abc import Iterable, Mapping

import numpy as np

from burnrate.ingest.aggregation import Cells
from common.arrays import Ints
from common.counts.layout import COLUMNS, SUM_LIMIT, BlockKey, unpacked

_HELD_BYTES = 32 * 1024 * 1024


class Blocks:
    """The blocks of a shard that were touched last."""

    def __init__(self, held_bytes: int = _HELD_BYTES) -> None:
        self._blocks: dict[BlockKey, Ints] = {}
        self._held_bytes = held_bytes

    def missing(self, cells: Mapping[int, Cells]) -> list[BlockKey]:
        """Return the blocks that must be put here before the cells are added."""
        return [key for key in _keys(cells) if key not in self._blocks]

    def put(self, keys: Iterable[BlockKey], stored: Mapping[BlockKey, bytes]) -> None:
        """Hold blocks as they are stored; those that are not stored are empty."""
        for key in keys:
            self._blocks[key] = unpacked(stored.get(key, b"")).copy()

    def add(self, cells: Mapping[int, Cells]) -> dict[BlockKey, bytes]:
        """Add cells to the blocks held; return those that have changed, packed."""
        changed = {}
        for resolution, rows in cells.items():
            starts = _starts(rows)
            ends = np.append(starts[1:], len(rows.bucket))[: len(starts)]
            for begin, end in np.stack((starts, ends), axis=1).tolist():
                key = (resolution, int(rows.bucket[begin]))
                changed[key] = self._add(key, rows.slot[begin:end], rows.counts[begin:end])
        self._forget()
        return changed

    def _add(self, key: BlockKey, slot: Ints, counts: Ints) -> bytes:
        block = self._blocks.pop(key)
        most = int(slot.max()) + 1
        if most > len(block):
            block = np.concatenate((block, np.zeros((most - len(block), COLUMNS), np.int64)))
        held = block[slot]
        block[slot, :2] = np.minimum(held[:, :2] + counts[:, :2], SUM_LIMIT)
        shortest = np.minimum(held[:, 2], counts[:, 2])
        block[slot, 2] = np.where(held[:, 2] > 0, shortest, counts[:, 2])
        self._blocks[key] = block  # last in the dictionary: forgotten last
        return block.tobytes()

    def _forget(self) -> None:
        held = sum(block.nbytes for block in self._blocks.values())
        while held > self._held_bytes:
            held -= self._blocks.pop(next(iter(self._blocks))).nbytes


def _starts(rows: Cells) -> Ints:
    """Return where in the cells, which stand by bucket, each bucket begins."""
    begins = np.ones(len(rows.bucket), np.bool_)
    begins[1:] = rows.bucket[1:] != rows.bucket[:-1]
    return np.flatnonzero(begins)


def _keys(cells: Mapping[int, Cells]) -> list[BlockKey]:
    return [
        (resolution, bucket)
        for resolution, rows in cells.items()
        for bucket in rows.bucket[_starts(rows)].tolist()
    ]
