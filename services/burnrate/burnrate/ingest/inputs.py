"""The topics that are counted, and how their records are kept cheap to hold."""

import gc

from common.kafka.topics import HISTORY, METRICS

INPUTS = (METRICS.name, HISTORY.name)
_COLLECTED_OBJECTS = 100_000


def collect_rarely() -> None:
    """Let the garbage collector look for cycles seldom, and never at what is there by now.

    A hundred thousand records may wait, and none of them is part of a cycle: at the usual pace
    looking at them again and again costs more than reading them.
    """
    gc.unfreeze()
    gc.collect()  # or what an earlier life of the service has left would stay for ever
    gc.freeze()
    gc.set_threshold(_COLLECTED_OBJECTS, 50, 50)
