"""Checks a text against its facts, word by word: what no fact carries is refused. Pure.

A text is made of fact texts, verbatim, and of words from a closed list that can state nothing
(`vocabulary.py`). Figures, units, times, names, directions, states, causes and recommendations
are in no list, in digits or in words: they can only come with the fact that carries them.
"""

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass

from api_gateway.narrative.fact import Facts
from api_gateway.narrative.vocabulary import WORDS

MAX_CHARACTERS = 1_600
MAX_SENTENCES = 14

_FIRST_MARK = 0xE000  # private use: no text may hold such a character of its own
_LAST_MARK = 0xF8FF
_PLAIN = re.compile(r"[A-Za-z ,.;:()\ue000-\uf8ff'-]*")
_MARK = re.compile(r"[\ue000-\uf8ff]")
_WORD = re.compile(r"[A-Za-z][A-Za-z'-]*")
_SENTENCE_END = re.compile(r"(?<=\.) ")
_STRAY = re.compile(
    r"  |^ | $|\( ?\)|[,;:(] ?[,;:.)]|\.\.| [,.;:)]|\( "
    r"|[\ue000-\uf8ff][\w'(-]|[\w')-][\ue000-\uf8ff]|[\ue000-\uf8ff]{2}"
)


class RefusedError(ValueError):
    """A text says what no fact carries; the message names it."""


@dataclass(frozen=True, slots=True)
class Sentence:
    """A sentence that was checked, and the ids of the facts it rests on, in their order."""

    text: str
    facts: tuple[str, ...]


def check(text: str, marks: "Marks") -> tuple[Sentence, ...]:
    """Return the sentences with what they rest on. Raises RefusedError for the first fault."""
    if _MARK.search(text):
        raise RefusedError("a character that stands for a fact")
    if len(text) > MAX_CHARACTERS:
        raise RefusedError(f"longer than {MAX_CHARACTERS} characters")
    return check_marked(marks.cover(text), marks)


def check_marked(marked: str, marks: "Marks") -> tuple[Sentence, ...]:
    """Check a text in which a mark stands for each fact; return it written out."""
    _check_characters(marked)
    parts = _SENTENCE_END.split(marked)
    if len(parts) > MAX_SENTENCES:
        raise RefusedError(f"more than {MAX_SENTENCES} sentences")
    sentences = tuple(_checked(part, marks) for part in parts)
    _check_used([fact for s in sentences for fact in s.facts], marks.facts)
    if sum(len(s.text) + 1 for s in sentences) > MAX_CHARACTERS + 1:
        raise RefusedError(f"longer than {MAX_CHARACTERS} characters")
    return sentences


class Marks:
    """Replaces facts by one character each, and writes them out again."""

    def __init__(self, facts: Facts) -> None:
        self.facts = facts
        self._ids = [fact.id for fact in facts]
        if len(self._ids) > _LAST_MARK - _FIRST_MARK:
            raise ValueError("more facts than marks")
        self._mark_of = {fact_id: chr(_FIRST_MARK + n) for n, fact_id in enumerate(self._ids)}
        by_text = self._written()
        self._mark_by_text: Mapping[str, str] = by_text
        longest_first = sorted(by_text, key=len, reverse=True)
        texts = "|".join(map(re.escape, longest_first))
        self._texts = re.compile(rf"(?<![\w%.-])(?:{texts})(?![\w%-]|[.:,]\w)") if texts else None

    def cover(self, text: str) -> str:
        """Return the text with a mark for every fact that it states verbatim."""
        if self._texts is None:
            return text
        return self._texts.sub(lambda found: self._mark_by_text[found.group()], text)

    def mark(self, fact_id: str) -> str:
        """Return the mark of a fact; KeyError where there is no such fact."""
        return self._mark_of[fact_id]

    def fact_id(self, mark: str) -> str:
        """Return the fact that a mark stands for."""
        number = ord(mark) - _FIRST_MARK
        if number >= len(self._ids):
            raise RefusedError("a character that stands for no fact")
        return self._ids[number]

    def write(self, marked: str) -> str:
        """Return a sentence with its facts written out and a capital where it begins with one."""
        text = _MARK.sub(lambda found: self.facts[self.fact_id(found.group())].text, marked)
        return text[:1].upper() + text[1:] if _MARK.match(marked) else text

    def _written(self) -> dict[str, str]:
        """Return the mark of each way to write a fact: as it is, or where a sentence begins."""
        written: dict[str, str] = {}
        for fact in self.facts:
            mark = self._mark_of[fact.id]
            written.setdefault(fact.text, mark)
            written.setdefault(fact.text[:1].upper() + fact.text[1:], mark)
        return written


def _check_characters(marked: str) -> None:
    plain = _PLAIN.match(marked)
    end = plain.end() if plain else 0
    if end < len(marked):
        raise RefusedError(f"what no fact carries: {_around(marked, end)!r}")
    if stray := _STRAY.search(marked):
        raise RefusedError(f"misplaced signs: {_around(marked, stray.start())!r}")


def _around(marked: str, place: int) -> str:
    return _MARK.sub("*", marked[max(0, place - 15) : place + 15])


def _checked(part: str, marks: Marks) -> Sentence:
    if not part.endswith("."):
        raise RefusedError(f"a sentence without an end: {_around(part, len(part))!r}")
    used = tuple(marks.fact_id(mark) for mark in _MARK.findall(part))
    if not used:
        raise RefusedError(f"a sentence that rests on no fact: {part!r}")
    _check_words(_WORD.findall(part))
    if not (part[0].isupper() or _MARK.match(part)):
        raise RefusedError(f"a sentence without a capital: {_around(part, 0)!r}")
    return Sentence(marks.write(part), used)


def _check_words(words: Iterable[str]) -> None:
    for word in words:
        if word.lower() not in WORDS:
            raise RefusedError(f"a word that no fact carries: {word!r}")


def _check_used(used: list[str], facts: Facts) -> None:
    if len(set(used)) < len(used):
        twice = next(fact_id for fact_id in used if used.count(fact_id) > 1)
        raise RefusedError(f"said twice: {twice}")
    if missing := [fact.id for fact in facts if fact.essential and fact.id not in used]:
        raise RefusedError(f"left out: {', '.join(missing)}")
