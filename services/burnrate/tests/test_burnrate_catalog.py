"""The catalog is the same whatever the order and repeats of its topic."""

from collections.abc import Sequence
from decimal import Decimal

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from burnrate.domain.catalog import Catalog, TooManyTargetsError
from burnrate.domain.objectives import Target
from common.events import CatalogMessage, encode
from common.slo.vocabulary import MAX_TARGETS
from tests.reference.evaluator import declared, target_changed

DEFAULT = Target.default(Decimal("0.999"), 30)


def catalog(*changes: CatalogMessage) -> Catalog:
    found = Catalog(DEFAULT)
    for change in changes:
        found.apply(change)
    return found


def names(found: Catalog, service: str = "cart") -> list[str]:
    return [target.name for target in found.targets(service)]


def test_a_service_that_nobody_declared_is_shown_with_the_default_target() -> None:
    found = catalog()
    assert found.shown("cart")
    assert not found.declared("cart")
    assert found.targets("cart") == [DEFAULT]


def test_the_default_target_goes_with_the_first_and_comes_back_after_the_last() -> None:
    found = catalog(target_changed("cart", 2), target_changed("cart", 1))
    assert names(found) == ["t1", "t2"]
    assert names(found, "other") == ["default"]
    found.apply(target_changed("cart", 1, revision=2, retired=True))
    assert names(found) == ["t2"]
    found.apply(target_changed("cart", 2, revision=2, retired=True))
    assert found.targets("cart") == [DEFAULT]
    found.apply(target_changed("cart", 3))
    assert names(found) == ["t3"]


def test_an_older_or_equal_revision_changes_nothing() -> None:
    found = catalog(target_changed("cart", 1, revision=5, objective="0.95"))
    for revision in (1, 4, 5):
        found.apply(target_changed("cart", 1, revision=revision, objective="0.5", retired=True))
    [target] = found.targets("cart")
    assert (target.objective, target.revision) == (Decimal("0.95"), 5)
    found.apply(target_changed("cart", 1, revision=6, objective="0.9", window_days=7))
    [target] = found.targets("cart")
    assert (target.objective, target.window_days) == (Decimal("0.9"), 7)


def test_a_retired_service_is_hidden_until_it_is_made_again() -> None:
    found = catalog(declared("cart"), declared("other"))
    assert found.declared("cart")
    assert found.declared("other")
    found.apply(declared("cart", revision=3, retired=True))
    found.apply(declared("cart", revision=2))
    assert not found.shown("cart")
    assert not found.declared("cart")
    assert found.declared("other")
    found.apply(declared("cart", revision=4))
    assert found.shown("cart")
    assert found.declared("cart")


CHANGES = st.lists(
    st.one_of(
        st.builds(
            lambda name, revision, retired: declared(name, revision=revision, retired=retired),
            st.sampled_from(("cart", "other")),
            st.integers(1, 6),
            st.booleans(),
        ),
        st.builds(
            lambda number, revision, retired: target_changed(
                "cart" if number % 2 else "other", number, revision=revision, retired=retired
            ),
            st.integers(1, 4),
            st.integers(1, 6),
            st.booleans(),
        ),
    ),
    max_size=12,
    unique_by=lambda change: (type(change), getattr(change, "name", ""), change.revision),
)


@given(CHANGES, st.data())
def test_order_and_repeats_do_not_matter(
    changes: Sequence[CatalogMessage], data: st.DataObject
) -> None:
    shuffled = data.draw(st.permutations([*changes, *changes[:3]]))
    one, other = catalog(*changes), catalog(*shuffled)
    for name in ("cart", "other"):
        assert one.shown(name) == other.shown(name)
        assert one.targets(name) == other.targets(name)
        assert one.declared(name) == other.declared(name)


def test_changes_come_as_they_are_written() -> None:
    decode = msgspec.json.Decoder(CatalogMessage).decode
    written: list[CatalogMessage] = [
        declared("cart"),
        target_changed("cart", 1, max_error_ratio="0.01"),
    ]
    assert [decode(encode(change)) for change in written] == written


def test_of_too_many_targets_the_first_are_measured_whatever_their_order() -> None:
    forwards, backwards = catalog(), catalog()
    numbers = range(1, MAX_TARGETS + 2)
    for made, order in ((forwards, numbers), (backwards, reversed(numbers))):
        for number in list(order)[:-1]:
            made.apply(target_changed("cart", number))
        with pytest.raises(TooManyTargetsError, match=f"more than {MAX_TARGETS}"):
            made.apply(target_changed("cart", list(numbers)[-1] if made is forwards else 1))
        assert names(made) == [f"t{number}" for number in numbers][:MAX_TARGETS]
    forwards.apply(target_changed("cart", 1, revision=2, retired=True))
    assert names(forwards) == [f"t{number}" for number in numbers][1:]


def test_what_has_changed_is_told_once_to_each_that_asks() -> None:
    found = catalog(target_changed("cart", 1), declared("other"))
    assert sorted(found.changed_after(0)) == ["cart", "other"]
    seen = found.revision
    assert found.changed_after(seen) == []
    found.apply(target_changed("cart", 1))
    assert found.revision == seen
    found.apply(target_changed("cart", 1, revision=2))
    assert found.changed_after(seen) == ["cart"]
    assert sorted(found.changed_after(0)) == ["cart", "other"]


@pytest.mark.parametrize(("days", "deep"), [(30, False), (90, True)])
def test_a_target_of_90_days_makes_a_service_deep(days: int, deep: bool) -> None:  # noqa: FBT001
    found = catalog(
        target_changed("cart", 1, window_days=7), target_changed("cart", 2, window_days=days)
    )
    assert found.is_deep("cart") is deep
    assert not found.is_deep("other")
