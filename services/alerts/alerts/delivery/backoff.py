"""When a failed delivery is tried again, and when it is given up. Pure."""

from dataclasses import dataclass

from alerts.delivery.outcome import Outcome

_MOST_DOUBLINGS = 30  # keeps the power small; the longest pause is reached long before


@dataclass(frozen=True, slots=True)
class RetryPolicy:
    """Bounds of trying: pauses double from the first to the longest."""

    first_seconds: float = 1.0
    longest_seconds: float = 300.0
    max_attempts: int = 20
    max_age_seconds: float = 24 * 3600.0

    def delay_seconds(self, outcome: Outcome, attempts: int, draw: float) -> float:
        """Return the pause after so many attempts; `draw` is uniform in [0, 1).

        Half of the pause is drawn, so that what failed together does not come back together. A
        receiver that names a later time is obeyed.
        """
        doublings = min(attempts - 1, _MOST_DOUBLINGS)
        pause = min(self.longest_seconds, self.first_seconds * 2.0**doublings)
        return max(pause * (0.5 + draw / 2), outcome.retry_after_seconds or 0.0)

    def gives_up(self, outcome: Outcome, attempts: int, age_seconds: float) -> bool:
        """Whether a failed delivery goes to the dead letters."""
        spent = attempts >= self.max_attempts or age_seconds >= self.max_age_seconds
        return outcome.final or spent
