"""A fact: one claim that stands on its own, with its figure as it is written. Pure."""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass

Value = str | float | int | bool | None


@dataclass(frozen=True, slots=True)
class Fact:
    """One claim. `text` is the only way in which it is ever written, its figures included.

    The text names what the figure is of, so that it is true wherever it stands. `value` is the
    figure as it is written, in `unit` (None: no unit). A text about the subject of the facts may
    not be without the `essential` ones.
    """

    id: str
    name: str
    value: Value
    text: str
    unit: str | None = None
    essential: bool = False


def sentence(clause: str) -> str:
    """Return the text of a fact or an action as a sentence of its own."""
    return f"{clause[:1].upper()}{clause[1:]}."


class Facts:
    """The facts of one subject, by id, in the order in which they were found."""

    def __init__(self, facts: Iterable[Fact]) -> None:
        self._by_id: dict[str, Fact] = {}
        for fact in facts:
            if fact.id in self._by_id:
                raise ValueError(f"two facts have the id {fact.id}")
            self._by_id[fact.id] = fact

    def __iter__(self) -> Iterator[Fact]:
        return iter(self._by_id.values())

    def __contains__(self, fact_id: str) -> bool:
        return fact_id in self._by_id

    def __getitem__(self, fact_id: str) -> Fact:
        return self._by_id[fact_id]
