"""Makes the fixtures of `tests` known to the tests of every package."""

pytest_plugins = (
    "tests.plugin",
    "tests.gateway_fixtures",
    "tests.ingest_fixtures",
    "tests.faults.fixtures",
)
