"""Names of people and keys, so that two that look the same are the same. Pure."""

import unicodedata
from typing import Final

_INVISIBLE: Final = frozenset({"Cc", "Cf", "Cs", "Co", "Cn", "Zl", "Zp"})
_TOGETHER: Final = frozenset({"LATIN", "CJK", "HIRAGANA", "KATAKANA", "HANGUL", "BOPOMOFO"})
"""Scripts that are written in one word; none of the others is."""


class ConfusableNameError(ValueError):
    """A name that may look like another; says why."""


def normalised_name(name: str) -> str:
    """Return the name in the form NFKC, in which what looks the same is written the same.

    Raises ConfusableNameError for characters that nobody sees, and for words of several scripts.
    """
    found = unicodedata.normalize("NFKC", name).strip()
    for character in found:
        if unicodedata.category(character) in _INVISIBLE:
            raise ConfusableNameError(
                f"has a character that nobody sees (U+{ord(character):04X}); leave it out"
            )
    for word in found.split():
        scripts = {_script(character) for character in word if character.isalpha()}
        if len(scripts) > 1 and not scripts <= _TOGETHER:
            raise ConfusableNameError(
                f"mixes {' and '.join(sorted(scripts))} letters in one word; write it in one script"
            )
    return found


def attributed(actor: str, on_behalf_of: str | None) -> str:
    """Say who acted: the credential, and the name that was typed where it says something else."""
    if not on_behalf_of or on_behalf_of == actor.partition("/")[2]:
        return actor
    return f"{actor} on behalf of {on_behalf_of}"


def _script(letter: str) -> str:
    """Return the script of a letter: the first word of its name, as CYRILLIC SMALL LETTER A."""
    return unicodedata.name(letter, "UNNAMED").partition(" ")[0].partition("-")[0]
