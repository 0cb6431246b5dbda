"""What owners want, whatever the order and however often the topic tells it."""

from collections.abc import Sequence
from decimal import Decimal

import msgspec
from hypothesis import given, settings
from hypothesis import strategies as st

from burnrate.catalog import Catalog
from burnrate.domain import default_target
from common.events import CatalogMessage, encode
from tests.reference.evaluator import declared, wanted

DEFAULT = default_target(Decimal("0.999"), 30)


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
    assert found.declared() == set()
    assert found.targets("cart") == [DEFAULT]


def test_the_default_target_goes_with_the_first_and_comes_back_after_the_last() -> None:
    found = catalog(wanted("cart", 2), wanted("cart", 1))
    assert names(found) == ["t1", "t2"]
    assert names(found, "other") == ["default"]
    found.apply(wanted("cart", 1, revision=2, retired=True))
    assert names(found) == ["t2"]
    found.apply(wanted("cart", 2, revision=2, retired=True))
    assert found.targets("cart") == [DEFAULT]
    found.apply(wanted("cart", 3))
    assert names(found) == ["t3"]


def test_an_older_or_equal_revision_changes_nothing() -> None:
    found = catalog(wanted("cart", 1, revision=5, objective="0.95"))
    for revision in (1, 4, 5):
        found.apply(wanted("cart", 1, revision=revision, objective="0.5", retired=True))
    [target] = found.targets("cart")
    assert (target.objective, target.revision) == (Decimal("0.95"), 5)
    found.apply(wanted("cart", 1, revision=6, objective="0.9", window_days=7))
    [target] = found.targets("cart")
    assert (target.objective, target.window_days) == (Decimal("0.9"), 7)


def test_a_retired_service_is_hidden_until_it_is_made_again() -> None:
    found = catalog(declared("cart"), declared("other"))
    assert found.declared() == {"cart", "other"}
    found.apply(declared("cart", revision=3, retired=True))
    found.apply(declared("cart", revision=2))
    assert not found.shown("cart")
    assert found.declared() == {"other"}
    found.apply(declared("cart", revision=4))
    assert found.shown("cart")
    assert found.declared() == {"cart", "other"}


CHANGES = st.lists(
    st.one_of(
        st.builds(
            lambda name, revision, retired: declared(name, revision=revision, retired=retired),
            st.sampled_from(("cart", "other")),
            st.integers(1, 6),
            st.booleans(),
        ),
        st.builds(
            lambda number, revision, retired: wanted(
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


@settings(max_examples=100)
@given(CHANGES, st.data())
def test_order_and_repeats_do_not_matter(
    changes: Sequence[CatalogMessage], data: st.DataObject
) -> None:
    shuffled = data.draw(st.permutations([*changes, *changes[:3]]))
    one, other = catalog(*changes), catalog(*shuffled)
    for name in ("cart", "other"):
        assert one.shown(name) == other.shown(name)
        assert one.targets(name) == other.targets(name)
    assert one.declared() == other.declared()


def test_changes_come_as_they_are_written() -> None:
    decode = msgspec.json.Decoder(CatalogMessage).decode
    written: list[CatalogMessage] = [declared("cart"), wanted("cart", 1, max_error_ratio="0.01")]
    assert [decode(encode(change)) for change in written] == written
