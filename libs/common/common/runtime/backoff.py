"""Back off exponentially between retries. Pure."""

_MOST_DOUBLINGS = 30  # keeps the power small; the longest pause is reached long before


def backoff_seconds(failures: int, first_seconds: float, longest_seconds: float) -> float:
    """Return the pause after so many failures, at least 1: it doubles from first to longest."""
    return min(longest_seconds, first_seconds * 2.0 ** min(failures - 1, _MOST_DOUBLINGS))
