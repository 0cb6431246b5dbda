"""What comes by the catalog and command topics can neither end the service nor be lost."""

from datetime import UTC, datetime, timedelta
from decimal import Decimal

from burnrate.domain.catalog import Catalog
from burnrate.domain.objectives import Target
from burnrate.handlers import COMMAND_MAX_AGE, control_handler
from common.events import ComputeRequested, TargetChanged, encode
from common.kafka.client import UnknownOutcomeError
from common.kafka.topics import CATALOG, COMMANDS
from common.slo.vocabulary import SliType
from tests.support.kafka_records import record

NOW = datetime(2026, 11, 23, 12, tzinfo=UTC)


class Computing:
    """Takes the evaluator's place; fails when asked to."""

    def __init__(self) -> None:
        self.computed: list[str] = []
        self.failing = False
        self.flushes = 0

    async def flush(self) -> None:
        self.flushes += 1

    async def compute(self, command_id: str, service: str | None) -> None:
        if self.failing:
            raise UnknownOutcomeError("no answer")
        self.computed.append(f"{command_id}:{service}:{self.flushes}")


def target(objective: str, revision: int) -> bytes:
    return encode(
        TargetChanged(
            revision=revision,
            id=1,
            service_name="checkout",
            name="up",
            sli_type=SliType.AVAILABILITY,
            objective=objective,
            window_days=30,
            threshold_seconds=None,
            max_error_ratio=None,
            min_bad_events=1,
            retired=False,
        )
    )


def command(name: str, age: timedelta = timedelta()) -> bytes:
    return encode(ComputeRequested(name, None, NOW - age))


async def test_what_cannot_be_read_or_measured_is_passed_over() -> None:
    catalog, computing = Catalog(Target.default(Decimal("0.999"), 30)), Computing()
    handle = control_handler(catalog, computing.compute, computing.flush, lambda: NOW)
    bad = [None, b"", b"\xff", b"{}", target("2", 9), target("many", 9), target("NaN", 9)]
    await handle([record(CATALOG.name, value) for value in [*bad, target("0.99", 1)]])
    assert [t.objective for t in catalog.targets("checkout")] == [Decimal("0.99")]


async def test_a_command_that_fails_does_not_stop_the_next() -> None:
    catalog, computing = Catalog(Target.default(Decimal("0.999"), 30)), Computing()
    handle = control_handler(catalog, computing.compute, computing.flush, lambda: NOW)
    computing.failing = True
    await handle([record(COMMANDS.name, command("first"))])
    computing.failing = False
    await handle([record(COMMANDS.name, command("second"))])
    assert computing.computed == ["second:None:2"]


async def test_commands_of_long_ago_are_not_answered_again() -> None:
    catalog, computing = Catalog(Target.default(Decimal("0.999"), 30)), Computing()
    handle = control_handler(catalog, computing.compute, computing.flush, lambda: NOW)
    just = command("just", COMMAND_MAX_AGE)
    old = command("old", COMMAND_MAX_AGE + timedelta(seconds=1))
    await handle([record(COMMANDS.name, just), record(COMMANDS.name, old)])
    assert computing.computed == ["just:None:1"]
