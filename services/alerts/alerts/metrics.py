"""Prometheus metrics of the alerts service."""

from typing import Final

from prometheus_client import Counter, Gauge, Histogram

OUTCOMES: Final = Counter(
    "burnline_alerts_outcomes", "Evaluations of a rule on a service, by what became of them",
    ["outcome"],
)  # fmt: skip
TRANSITIONS: Final = Counter(
    "burnline_alerts_transitions", "Lines in the history of episodes, by kind", ["kind"]
)
NOTIFICATIONS: Final = Counter("burnline_alerts_notices", "Notices handed to delivery")
OPEN_EPISODES: Final = Gauge("burnline_alerts_open_episodes", "Episodes that have not ended")
EVALUATION_SECONDS: Final = Histogram(
    "burnline_alerts_evaluation_seconds", "Time to evaluate what is due in all owned shards"
)
