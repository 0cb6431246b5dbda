"""A channel with its secrets, and how to keep these out of texts. Pure."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from urllib.parse import parse_qsl, unquote, urlsplit

REDACTED = "***"
_SHORTEST_KEY = 6  # shorter parts of an address are words such as `hooks`, not keys


@dataclass(frozen=True, slots=True)
class Channel:
    """Where notifications go. `common.alerting.channels` lists the secrets of each kind."""

    name: str
    kind: str
    secrets: Mapping[str, str] = field(repr=False)

    def redact(self, text: str) -> str:
        """Return the text without anything that only the channel's owner may know."""
        for secret in sorted(set(self._confidential()), key=len, reverse=True):
            text = text.replace(secret, REDACTED)
        return text

    def _confidential(self) -> Iterator[str]:
        for value in self.secrets.values():
            yield value
            yield from _parts_of_address(value)


def _parts_of_address(value: str) -> Iterator[str]:
    try:
        parts = urlsplit(value)
    except ValueError:
        return  # no address: it is redacted as a whole only
    if not parts.scheme or not parts.netloc:
        return
    words = [parts.username, parts.password, parts.query, *parts.path.split("/")]
    words += [text for _, text in parse_qsl(parts.query)]
    for word in words:
        if word and len(word) >= _SHORTEST_KEY:
            yield word
            yield unquote(word)
    if parts.password:
        yield parts.password
