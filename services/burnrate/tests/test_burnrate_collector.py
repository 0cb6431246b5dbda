"""Records that wait are not looked at for cycles; what an earlier life has left still goes."""

import gc
import weakref
from collections.abc import Iterator

import pytest

from burnrate.work import collect_rarely


class Part:
    """A part of a service, which another part knows."""

    def __init__(self) -> None:
        self.other: Part | None = None


@pytest.fixture(autouse=True)
def usual_pace() -> Iterator[None]:
    pace = gc.get_threshold()
    yield
    gc.unfreeze()
    gc.set_threshold(*pace)


def cycle() -> "weakref.ref[Part]":
    one, two = Part(), Part()
    one.other, two.other = two, one
    return weakref.ref(one)


def test_what_is_there_is_not_looked_at_again() -> None:
    kept = [Part() for _ in range(1000)]
    collect_rarely()
    assert gc.get_freeze_count() > len(kept)
    assert gc.get_threshold()[0] > 10_000


def test_cycles_of_an_earlier_life_are_freed() -> None:
    gc.disable()
    try:
        left = cycle()
        gc.freeze()  # as an earlier life has done
        assert left() is not None
        collect_rarely()
        assert left() is None
    finally:
        gc.enable()
