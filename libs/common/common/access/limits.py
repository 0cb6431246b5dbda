"""Limit the request rate of each caller with a token bucket. Pure."""

import math
from collections import OrderedDict
from dataclasses import dataclass
from typing import Final

MOST_CALLERS: Final = 10_000
ROUNDING: Final = 1e-6
"""Of a token: who waits as asked is let in, though the sum of the times is rounded."""


class TokenBucket:
    """Count tokens; `now` is any clock in seconds, and one that is set back refills nothing."""

    def __init__(self, rate_per_second: float, burst: int, now: float) -> None:
        self._rate_per_second, self._burst = rate_per_second, burst
        self._left, self._at = float(burst), now

    @property
    def left(self) -> int:
        """Whole tokens that there were when it was last asked."""
        return int(self._left)

    def take(self, now: float) -> int:
        """Take one token and return 0, or return the whole seconds until there is one."""
        passed_seconds = max(0.0, now - self._at)
        self._left = min(self._burst, self._left + passed_seconds * self._rate_per_second)
        self._at = now
        if self._left < 1 - ROUNDING:
            return math.ceil((1 - self._left) / self._rate_per_second)
        self._left = max(0.0, self._left - 1)
        return 0

    def full_in(self) -> int:
        """Return the whole seconds until it is full again."""
        return math.ceil((self._burst - self._left) / self._rate_per_second)


@dataclass(frozen=True, slots=True)
class Allowance:
    """Whether a request may pass: `wait_seconds` is 0 where it may."""

    wait_seconds: int
    headers: dict[str, str]


class CallerLimits:
    """Keep a bucket for each caller, and evict the callers that are idle for longest.

    An evicted caller begins with a full bucket, as one that was idle has anyway.
    """

    def __init__(self, name: str, rate_per_second: float, burst: int) -> None:
        self._name, self._rate_per_second, self._burst = name, rate_per_second, burst
        self._buckets: OrderedDict[str, TokenBucket] = OrderedDict()
        window_seconds = math.ceil(burst / rate_per_second)
        self._policy = f'"{name}";q={burst};w={window_seconds}'

    def take(self, caller: str, now: float) -> Allowance:
        """Take one of the caller's tokens; the headers are those of the IETF's draft, version 10.

        `q` requests fit into `w` seconds, `r` are left, in `t` seconds there are `q` again.
        """
        bucket = self._buckets.get(caller)
        if bucket is None:
            bucket = self._buckets[caller] = TokenBucket(self._rate_per_second, self._burst, now)
            if len(self._buckets) > MOST_CALLERS:
                self._buckets.popitem(last=False)
        self._buckets.move_to_end(caller)
        wait_seconds = bucket.take(now)
        standing = f'"{self._name}";r={bucket.left};t={bucket.full_in()}'
        headers = {"RateLimit-Policy": self._policy, "RateLimit": standing}
        if wait_seconds:
            headers["Retry-After"] = str(wait_seconds)
        return Allowance(wait_seconds, headers)
