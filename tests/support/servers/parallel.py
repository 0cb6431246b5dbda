"""How `make test` spreads the tests over processes, and what these tell of themselves.

Every process has servers of its own. What shares a fixture of a module stays in one process.
"""

from collections.abc import Iterable
from typing import Any, Final

import pytest
from xdist.scheduler import LoadScopeScheduling

from tests.support.servers.running import SERVERS_USED

# each of these makes its own scenario, and takes a while
_SCATTERED: Final = "tests/faults/"
_WHOLE_FLOWS: Final = "tests/"
_REPORT: Final = "servers_used"


class GroupScheduling(LoadScopeScheduling):  # type: ignore[misc] # it ships no types
    """Gives out whole files, and fault tests one at a time, in the order of the collection."""

    def _split_scope(self, nodeid: str) -> str:
        return nodeid if nodeid.startswith(_SCATTERED) else nodeid.partition("::")[0]


@pytest.hookimpl(optionalhook=True)
def pytest_xdist_make_scheduler(config: pytest.Config, log: Any) -> GroupScheduling:
    """Take our own way to spread the tests."""
    config.option.loadscopereorder = False
    return GroupScheduling(config, log)


@pytest.hookimpl(trylast=True)
def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    """Let what takes longest begin first, so that all processes end at about the same time."""
    if hasattr(config, "workerinput"):
        with_servers = {item.path for item in items if item.get_closest_marker("servers")}
        slow = {item.path for item in items if item.get_closest_marker("slow")}
        items.sort(
            key=lambda item: _rank(
                item.nodeid, on_servers=item.path in with_servers, is_slow=item.path in slow
            )
        )


@pytest.hookimpl(trylast=True)
def pytest_sessionfinish(session: pytest.Session) -> None:
    """Tell the process that prints the summary which servers this one has used."""
    if hasattr(session.config, "workeroutput"):
        session.config.workeroutput[_REPORT] = list(SERVERS_USED)


@pytest.hookimpl(optionalhook=True)
def pytest_testnodedown(node: Any) -> None:
    """Take over what a process has noted at its end; one that died has noted nothing."""
    noted: Iterable[str] = getattr(node, "workeroutput", {}).get(_REPORT, ())
    SERVERS_USED.update(dict.fromkeys(noted))


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter) -> None:
    """Say which servers the tests ran on."""
    for line in SERVERS_USED:
        terminalreporter.write_line(line)


def _rank(node_id: str, *, on_servers: bool, is_slow: bool) -> int:
    if not on_servers:
        return 3 if is_slow else 4
    if node_id.startswith(_SCATTERED):
        return 1
    return 0 if node_id.startswith(_WHOLE_FLOWS) else 2
