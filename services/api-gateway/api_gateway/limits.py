"""A token bucket: so many at once, so many a second after that."""

import math


class TokenBucket:
    """Counts what is left; `now` is any clock in seconds that never goes back."""

    def __init__(self, rate_per_second: float, burst: int, now: float) -> None:
        self._rate_per_second, self._burst = rate_per_second, burst
        self._left, self._at = float(burst), now

    def take(self, now: float) -> int:
        """Take one token and return 0, or return the whole seconds until there is one."""
        self._left = min(self._burst, self._left + (now - self._at) * self._rate_per_second)
        self._at = now
        if self._left < 1:
            return math.ceil((1 - self._left) / self._rate_per_second)
        self._left -= 1
        return 0
