"""Checks a text against its facts, word by word: what no fact carries is refused. Pure.

A text is made of fact texts, verbatim, and of words from a closed list that can state nothing.
Figures, units, times, names, directions, states, causes and recommendations
are in no list, in digits or in words: they can only come with the fact that carries them.
"""

import re
from dataclasses import dataclass

from api_gateway.narrative.fact import Facts

_ARTICLES = "a an the this that these those it its which what who where how"
_JOINTS = "and or but also while with of for in on at to as about per then next first finally"
_FRAMES = "is are here now currently meanwhile overall altogether together further too"
_POINTING = "see note keep mind please consider let us worth noting following follows look looking"
_NOUNS = (
    "summary overview background detail details attention point points list figure figures "
    "picture situation status step steps action actions recommended recommendation "
    "recommendations advice team teams reader service services fleet"
)
WORDS = frozenset(f"{_ARTICLES} {_JOINTS} {_FRAMES} {_POINTING} {_NOUNS}".split())
"""The words that a text may use beside its facts: none of them can state or deny anything.

Left out on purpose: numbers and their kin (half, double, several), units, directions and
comparisons (rise, more, above), states (safe, broken), causes (because, come from), negations
and doubts (not, hardly, maybe), conditions (if, unless), times (yesterday, still), commands
(stop, ignore), the matters themselves (error, change, release), and the names of services.
"""

MAX_CHARACTERS = 1_600
MAX_SENTENCES = 14

TOKEN = re.compile(r"[\ue000-\uf8ff]")
"""A character of private use: no text may hold one of its own."""

_FIRST_TOKEN = 0xE000
_PLAIN = re.compile(r"[A-Za-z ,.;:()\ue000-\uf8ff'-]*")
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


def check_tokenised(tokenised: str, tokens: "Tokens") -> tuple[Sentence, ...]:
    """Check a text in which a token stands for each fact; return it written out."""
    _check_characters(tokenised)
    parts = _SENTENCE_END.split(tokenised)
    if len(parts) > MAX_SENTENCES:
        raise RefusedError(f"more than {MAX_SENTENCES} sentences")
    sentences = tuple(_checked(part, tokens) for part in parts)
    _check_used([fact for s in sentences for fact in s.facts], tokens.facts)
    if sum(len(s.text) + 1 for s in sentences) > MAX_CHARACTERS + 1:
        raise RefusedError(f"longer than {MAX_CHARACTERS} characters")
    return sentences


class Tokens:
    """Puts one character in the place of a fact, and writes it out again."""

    def __init__(self, facts: Facts) -> None:
        self.facts = facts
        self._ids = [fact.id for fact in facts]

    def token(self, fact_id: str) -> str:
        """Return the token of a fact; ValueError where there is no such fact."""
        return chr(_FIRST_TOKEN + self._ids.index(fact_id))

    def fact_id(self, token: str) -> str:
        """Return the fact that a token stands for."""
        number = ord(token) - _FIRST_TOKEN
        if number >= len(self._ids):
            raise RefusedError("a character that stands for no fact")
        return self._ids[number]

    def write(self, tokenised: str) -> str:
        """Return a sentence with its facts written out and a capital where it begins with one."""
        text = TOKEN.sub(lambda found: self.facts[self.fact_id(found.group())].text, tokenised)
        return text[:1].upper() + text[1:] if TOKEN.match(tokenised) else text


def _check_characters(tokenised: str) -> None:
    plain = _PLAIN.match(tokenised)
    end = plain.end() if plain else 0
    if end < len(tokenised):
        raise RefusedError(f"what no fact carries: {_around(tokenised, end)!r}")
    if stray := _STRAY.search(tokenised):
        raise RefusedError(f"misplaced signs: {_around(tokenised, stray.start())!r}")


def _around(tokenised: str, place: int) -> str:
    return TOKEN.sub("*", tokenised[max(0, place - 15) : place + 15])


def _checked(part: str, tokens: Tokens) -> Sentence:
    if not part.endswith("."):
        raise RefusedError(f"a sentence without an end: {_around(part, len(part))!r}")
    used = tuple(tokens.fact_id(token) for token in TOKEN.findall(part))
    if not used:
        raise RefusedError(f"a sentence that rests on no fact: {part!r}")
    if strange := [word for word in _WORD.findall(part) if word.lower() not in WORDS]:
        raise RefusedError(f"a word that no fact carries: {strange[0]!r}")
    if not (part[0].isupper() or TOKEN.match(part)):
        raise RefusedError(f"a sentence without a capital: {_around(part, 0)!r}")
    return Sentence(tokens.write(part), used)


def _check_used(used: list[str], facts: Facts) -> None:
    if len(set(used)) < len(used):
        twice = next(fact_id for fact_id in used if used.count(fact_id) > 1)
        raise RefusedError(f"said twice: {twice}")
    if missing := [fact.id for fact in facts if fact.essential and fact.id not in used]:
        raise RefusedError(f"left out: {', '.join(missing)}")
