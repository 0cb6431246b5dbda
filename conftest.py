"""Makes the fixtures of `tests` known to the tests of every package, and sets up hypothesis."""

import os

from hypothesis import HealthCheck, settings

from tests.support.servers.effort import examples

pytest_plugins = (
    "tests.support.servers.server_choice",
    "tests.support.servers.plugin",
    "tests.support.servers.parallel",
    "tests.support.alerts.alertmanager",
    "tests.support.alerts.outgoing",
    "tests.support.gateway.fixtures",
    "tests.support.ingest_fixtures",
    "tests.faults.scenario",
)

# Deadlines and slow generation measure the machine, not the code: a fresh clone builds its tables
# of characters during the first example. Where changes are judged, equal code gets equal examples.
settings.register_profile(
    "burnline",
    deadline=None,
    max_examples=examples(100),  # 100 is its own default
    suppress_health_check=[HealthCheck.too_slow],
    derandomize="CI" in os.environ,
)
settings.load_profile("burnline")
