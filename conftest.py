"""Makes the fixtures of tests/plugin.py known to the tests of every package."""

pytest_plugins = ("tests.plugin",)
