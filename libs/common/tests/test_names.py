"""Two names that look the same are the same, and none holds what nobody sees."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from common.access.names import ConfusableNameError, normalised_name


@pytest.mark.parametrize(
    ("given_name", "found"),
    [
        ("ana", "ana"),
        ("\uff41\uff4e\uff41", "ana"),
        ("\ufb01ona", "fiona"),
        ("Jose\u0301", "Jos\u00e9"),
        ("\u0410\u043d\u043d\u0430 (ops)", "\u0410\u043d\u043d\u0430 (ops)"),
        ("\u5c71\u7530 Taro\u3055\u3093", "\u5c71\u7530 Taro\u3055\u3093"),
    ],
)
def test_names_are_written_as_they_look(given_name: str, found: str) -> None:
    assert normalised_name(given_name) == found


@pytest.mark.parametrize(
    "name", ["a\u200bna", "ana\u202e", "\u0430na", "bob\u03bf", "a\u00adna", "an\ufeffa", "a\nb"]
)
def test_what_looks_like_another_name_is_refused(name: str) -> None:
    with pytest.raises(ConfusableNameError):
        normalised_name(name)


@given(st.text())
def test_a_name_that_is_taken_stays_as_it_is(name: str) -> None:
    try:
        found = normalised_name(name)
    except ConfusableNameError:
        return
    assert normalised_name(found) == found
