"""Makes the fixtures of `tests` known to the tests of every package, and sets up hypothesis."""

import os

from hypothesis import HealthCheck, settings

pytest_plugins = (
    "tests.server_choice",
    "tests.plugin",
    "tests.parallel",
    "tests.alertmanager",
    "tests.delivery_fixtures",
    "tests.gateway_fixtures",
    "tests.redis_fixtures",
    "tests.ingest_fixtures",
    "tests.faults.fixtures",
)

# Deadlines and slow generation measure the machine, not the code: a fresh clone builds its tables
# of characters during the first example. Where changes are judged, equal code gets equal examples.
settings.register_profile(
    "burnline",
    deadline=None,
    suppress_health_check=[HealthCheck.too_slow],
    derandomize="CI" in os.environ,
)
settings.load_profile("burnline")
