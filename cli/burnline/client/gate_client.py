"""Asks the gateway whether a change may be released; tries again for a short, bounded time."""

import random
import time
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, Final
from urllib.parse import quote

import httpx

from burnline.client.addresses import GatewayAddress
from burnline.client.api_client import answer_of
from burnline.errors import StackError
from common.runtime.backoff import backoff_seconds

REQUEST_TIMEOUT_SECONDS: Final = 5.0
PATIENCE_SECONDS: Final = 15.0
"""How long one question is asked again where the server gives no answer."""

_FIRST_DELAY_SECONDS = 0.25
_LONGEST_DELAY_SECONDS = 4.0
_PASSING = frozenset({429, 500, 502, 503, 504})


class NoAnswerError(Exception):
    """The gateway gave no answer in time; whether the change may be released is not known."""


@dataclass(frozen=True, slots=True)
class Question:
    """What is to be released, and where that is asked; the token is needed to count a use."""

    address: GatewayAddress
    service: str
    change_class: str
    version: str | None


@dataclass(frozen=True, slots=True)
class _Silence:
    reason: str
    was_sent: bool = True


class GateClient:
    """One question, asked as often as needed. `sleep` and `now` are seconds of any steady clock."""

    def __init__(
        self,
        question: Question,
        client: httpx.Client,
        *,
        sleep: Callable[[float], None] = time.sleep,
        now: Callable[[], float] = time.monotonic,
        jitter: Callable[[], float] = random.random,
    ) -> None:
        self._question, self._client = question, client
        self._sleep, self._now, self._jitter = sleep, now, jitter

    def ask(self) -> dict[str, Any]:
        """Return the answer; it uses no override up. Errors as `use`."""
        return self._answer("GET", self._path())

    def use(self) -> dict[str, Any]:
        """Return the answer, of which an override that lets the change through counts a use.

        Raises NoAnswerError where none comes in time, StackError where the request is refused.
        """
        return self._answer("POST", f"{self._path()}/check")

    def _path(self) -> str:
        return f"/api/release/{quote(self._question.service, safe='')}"

    def _answer(self, method: str, path: str) -> dict[str, Any]:
        deadline = self._now() + PATIENCE_SECONDS
        failures = 0
        while True:
            outcome = self._try(method, path)
            if not isinstance(outcome, _Silence):
                return outcome
            # what was sent may have counted: asking again could use an override up twice
            may_repeat = method == "GET" or not outcome.was_sent
            failures += 1
            pause = backoff_seconds(failures, _FIRST_DELAY_SECONDS, _LONGEST_DELAY_SECONDS)
            wait = pause * (0.5 + self._jitter())
            if not may_repeat or self._now() + wait >= deadline:
                raise NoAnswerError(outcome.reason)
            self._sleep(wait)

    def _try(self, method: str, path: str) -> "dict[str, Any] | _Silence":
        """Return the answer, or why there is none for now."""
        asked = {"change_class": self._question.change_class}
        if self._question.version is not None:
            asked["version"] = self._question.version
        try:
            response = self._client.request(method, path, params=asked)
        except httpx.TransportError as error:
            reason = (
                f"{self._question.address.base_url} does not answer: {str(error) or repr(error)}"
            )
            return _Silence(reason, was_sent=not isinstance(error, httpx.ConnectError))
        if response.status_code in _PASSING:
            return _Silence(f"{self._question.address.base_url} answers {response.status_code}")
        return _answer_of(response)


def _answer_of(response: httpx.Response) -> dict[str, Any]:
    content = answer_of(response)
    if not isinstance(content, dict) or not {"decision", "allowed"} <= content.keys():
        raise StackError(f"{response.url} is no release decision; is BURNLINE_URL the gateway's?")
    return content
