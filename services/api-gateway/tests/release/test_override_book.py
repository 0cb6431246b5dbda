"""Overrides in memory: the newest revision of each counts, in whatever order it was heard."""

from datetime import timedelta
from itertools import permutations

from msgspec.structs import replace

from api_gateway.projections.overrides import OverrideBook
from common.events import PolicyChanged, PolicyMessage
from tests.support.gate_inputs import NOW, SERVICE, override


def test_the_newest_revision_counts_whatever_the_order() -> None:
    first = override(id=1, max_uses=2, revision=3)
    used = replace(first, uses=1, revision=4)
    other = override(id=2, revision=5)
    ended = replace(other, state="revoked", revision=6)
    policy = PolicyChanged(7, "default", "", {}, retired=False)
    said: tuple[PolicyMessage, ...] = (first, used, other, ended, policy)
    for heard in permutations(said):
        book = OverrideBook()
        for message in heard:
            book.apply(message)
        assert book.in_force(SERVICE, NOW) == {1: used}
        assert book.in_force("cart", NOW) == {}


def test_an_override_ends_by_its_time_and_by_its_last_use() -> None:
    book = OverrideBook()
    lasting = override(id=1, expires_at=NOW + timedelta(minutes=5))
    book.apply(lasting)
    book.apply(override(id=2, max_uses=1, uses=1))
    book.apply(override(id=3, state="pending"))
    assert book.in_force(SERVICE, NOW) == {1: lasting}
    assert book.in_force(SERVICE, lasting.expires_at - timedelta(microseconds=1)) == {1: lasting}
    assert book.in_force(SERVICE, lasting.expires_at) == {}
