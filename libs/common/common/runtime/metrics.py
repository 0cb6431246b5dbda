"""Export loops, outboxes and dead letters to Prometheus, in every service that has them.

Names say the unit; labels are bounded: loops, schemas, topics and codes of our own.
"""

from typing import Final

from prometheus_client import Counter, Gauge

DEAD_LETTERS: Final = Counter(
    "burnline_dead_letters", "Records with wrong content, by topic and code", ["topic", "code"]
)
LOOP_SUCCESS: Final = Gauge(
    "burnline_loop_last_success_timestamp_seconds",
    "When a loop last did its work without an error, by loop",
    ["loop"],
)
OUTBOX_AGE: Final = Gauge(
    "burnline_outbox_oldest_age_seconds",
    "Age of the oldest record that is stored and not published yet; 0 without one",
    ["schema"],
)
OUTBOX_PUBLISHED: Final = Counter(
    "burnline_outbox_published", "Records that an outbox has published", ["schema"]
)
