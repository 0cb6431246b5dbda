"""`burnline import` on a broker that is a list: lines, shift, repeats, exit codes."""

import gzip
import json
from collections.abc import Callable, Sequence
from datetime import UTC, datetime, timedelta
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
import typer
from typer.testing import CliRunner, Result

from burnline.errors import StackError
from burnline.importing import events as import_events
from burnline.importing import publish as import_publish
from common import zstd
from common.admission.metric_events import parse_metric_event
from common.events import MetricEvent
from common.kafka.client import UnknownOutcomeError
from common.kafka.topics import HISTORY

NOW = datetime(2026, 11, 23, 6, 40, 30, 250_000, tzinfo=UTC)


class FakeKafka:
    """Keeps what was sent; `fails` is how many sends have an unknown outcome first."""

    def __init__(self, *_: object) -> None:
        self.records: list[Any] = []
        self.fails = 0
        self.stored_before_first: dict[str, Any] | None = None
        self.imports: Path | None = None

    async def send_all(self, records: Sequence[Any]) -> list[SimpleNamespace]:
        if self.imports and not self.records:
            self.stored_before_first = json.loads(self.imports.read_text())
        self.records += records
        if self.fails > 0:
            self.fails -= 1
            raise UnknownOutcomeError("no answer")
        return [SimpleNamespace(partition=0, offset=n) for n, _ in enumerate(self.records)]

    async def stop(self) -> None:
        pass

    @property
    def events(self) -> list[MetricEvent]:
        return [parse_metric_event(record[1]) for record in self.records]

    @property
    def lines(self) -> list[int]:
        return [int(dict(record[4])["import_line"]) for record in self.records]

    @property
    def import_ids(self) -> set[str]:
        return {dict(record[4])["import_id"].decode() for record in self.records}


@pytest.fixture
def kafka(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> FakeKafka:
    broker = FakeKafka()
    broker.imports = tmp_path / "imports.json"
    monkeypatch.setenv("KAFKA_BOOTSTRAP_SERVERS", "127.0.0.1:1")
    monkeypatch.setenv("BURNLINE_DATA_DIR", str(tmp_path))
    monkeypatch.delenv("DATABASE_URL", raising=False)
    monkeypatch.setattr(import_events, "Publisher", lambda *_: broker)
    monkeypatch.setattr(import_events, "system_clock", lambda: NOW)
    monkeypatch.setattr(import_publish, "RETRY_SECONDS", 0.0)
    return broker


def run(*arguments: str, stdin: bytes | None = None) -> Result:
    app = typer.Typer()
    app.command()(import_events.import_events)
    return CliRunner().invoke(app, arguments, input=stdin)


def line(number: int, **changes: Any) -> str:
    event = {
        "event_id": f"e-{number}",
        "source": "edge",
        "service": "checkout",
        "timestamp": f"2026-11-20T06:40:{number:02d}Z",
        "total": 10,
        "bad": 1,
        **changes,
    }
    return json.dumps({name: value for name, value in event.items() if value is not None})


def write(path: Path, *lines: str) -> str:
    path.write_text("".join(text + "\n" for text in lines))
    return str(path)


def test_lines_become_records_in_order_with_import_and_line(
    kafka: FakeKafka, tmp_path: Path
) -> None:
    path = write(tmp_path / "events.ndjson", line(1), "", line(2, service="cart"))
    done = run(path)
    assert done.exit_code == 0, done.output
    assert [(r[0], r[2], r[3]) for r in kafka.records] == [
        (HISTORY.name, b"checkout", None),
        (HISTORY.name, b"cart", None),
    ]
    assert kafka.lines == [1, 3]
    [import_id] = kafka.import_ids
    assert len(import_id) == 64
    assert "imported 2 lines of 2 services" in done.output
    assert "from 2026-11-20T06:40:01Z to 2026-11-20T06:40:02Z" in done.output


def test_wrong_lines_are_named_and_good_ones_imported(kafka: FakeKafka, tmp_path: Path) -> None:
    path = write(
        tmp_path / "events.ndjson",
        line(1),
        "{",
        line(2, p99=0.3),
        line(3, bad=11),
        line(4, timestamp="2026-08-01T00:00:00Z"),
        line(5, timestamp="2026-11-23T06:46:00Z"),
        '{"x": "' + "y" * 200_000 + '"}',
        line(6),
    )
    done = run(path)
    assert done.exit_code == 1
    assert kafka.lines == [1, 8]
    for expected in (
        "line 2: body: ",
        "line 3: p99: is not a field of this event",
        "line 4: bad: must not be above `total`",
        "line 5: timestamp: is more than 90 days before",
        "line 6: timestamp: is more than 5 minutes ahead",
        "line 7: body: an event may have at most",
        "refused 6, repeated in the file 0",
    ):
        assert expected in done.output


def test_only_the_first_refusals_are_shown(kafka: FakeKafka, tmp_path: Path) -> None:
    done = run(write(tmp_path / "events.ndjson", *["{"] * 25))
    assert done.exit_code == 1
    assert "line 20: " in done.output
    assert "line 21: " not in done.output
    assert "and 5 more lines were refused" in done.output
    assert kafka.records == []


def test_events_repeated_in_the_file_are_sent_once(kafka: FakeKafka, tmp_path: Path) -> None:
    by_content = line(9, event_id=None)
    without_identity = line(9, event_id=None, source=None)
    path = write(
        tmp_path / "events.ndjson",
        *(line(1), line(1), by_content, by_content, without_identity, without_identity),
    )
    done = run(path)
    assert done.exit_code == 0
    assert kafka.lines == [1, 3, 5, 6]
    assert "repeated in the file 2" in done.output


def test_the_shift_is_stored_before_the_first_record_and_used_again(
    kafka: FakeKafka, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = write(
        tmp_path / "events.ndjson",
        line(1, timestamp="2023-08-21T09:00:00.5Z"),
        line(2, timestamp="2023-08-21T10:00:00.5Z"),
    )
    assert run(path, "--shift-to-now").exit_code == 0
    first = [event.timestamp for event in kafka.events]
    assert first[1] == NOW.replace(microsecond=500_000) - timedelta(seconds=1)
    assert first[1] - first[0] == timedelta(hours=1)
    [import_id] = kafka.import_ids
    assert kafka.stored_before_first is not None
    seconds = kafka.stored_before_first[import_id]["shift_seconds"]
    assert datetime(2023, 8, 21, 10, 0, 0, 500_000, UTC) + timedelta(seconds=seconds) == first[1]

    monkeypatch.setattr(import_events, "system_clock", lambda: NOW + timedelta(hours=1))
    again = run(path, "--shift-to-now")
    assert again.exit_code == 0
    assert "This import is known" in again.output
    assert [event.timestamp for event in kafka.events] == first * 2
    assert kafka.lines == [1, 2, 1, 2]


def test_a_file_refused_whole_can_still_be_shifted(kafka: FakeKafka, tmp_path: Path) -> None:
    path = write(tmp_path / "events.ndjson", line(1, timestamp="2023-08-21T09:00:00Z"))
    assert run(path).exit_code == 1
    assert run(path, "--shift-to-now").exit_code == 0
    assert [event.timestamp for event in kafka.events] == [NOW.replace(microsecond=0)]


def test_a_chosen_import_id_names_the_import(kafka: FakeKafka, tmp_path: Path) -> None:
    path = write(tmp_path / "events.ndjson", line(1))
    assert run(path, "--import-id", "march").exit_code == 0
    assert kafka.import_ids == {"march"}
    refused = run(path, "--import-id", "two words")
    assert refused.exit_code == 1
    assert "--import-id" in str(refused.exception)


@pytest.mark.parametrize("compress", [gzip.compress, zstd.compress])
def test_a_compressed_file_is_the_same_import_as_the_plain_one(
    kafka: FakeKafka, tmp_path: Path, compress: Callable[[bytes], bytes]
) -> None:
    plain, compressed = tmp_path / "events.ndjson", tmp_path / "events.packed"
    plain.write_text(f"{line(1)}\n{line(2)}\n")
    compressed.write_bytes(compress(plain.read_bytes()))
    assert run(str(plain)).exit_code == 0
    assert run(str(compressed)).exit_code == 0
    assert run("-", stdin=compressed.read_bytes()).exit_code == 0
    assert len(kafka.import_ids) == 1
    assert kafka.lines == [1, 2] * 3


@pytest.mark.parametrize("compress", [gzip.compress, zstd.compress])
def test_a_compressed_file_that_is_cut_off_imports_nothing(
    kafka: FakeKafka, tmp_path: Path, compress: Callable[[bytes], bytes]
) -> None:
    path = tmp_path / "events.packed"
    path.write_bytes(compress(f"{line(1)}\n".encode())[:-6])
    failed = run(str(path))
    assert isinstance(failed.exception, StackError)
    assert "cannot be expanded" in str(failed.exception)
    assert kafka.records == []


def test_stdin_is_the_same_import_as_the_file(kafka: FakeKafka, tmp_path: Path) -> None:
    path = write(tmp_path / "events.ndjson", line(1), line(2))
    assert run(path).exit_code == 0
    assert run("-", stdin=Path(path).read_bytes()).exit_code == 0
    assert len(kafka.import_ids) == 1
    assert kafka.lines == [1, 2, 1, 2]


def test_an_unknown_outcome_is_sent_again_with_the_same_lines(
    kafka: FakeKafka, tmp_path: Path
) -> None:
    kafka.fails = 1
    done = run(write(tmp_path / "events.ndjson", line(1), line(2)))
    assert done.exit_code == 0
    assert kafka.lines == [1, 2, 1, 2]
    assert "imported 2 lines" in done.output


def test_a_broker_that_stays_silent_ends_with_what_to_do(
    kafka: FakeKafka, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    kafka.fails = 1_000_000
    monkeypatch.setattr(import_publish, "PATIENCE_SECONDS", 0.0)
    done = run(write(tmp_path / "events.ndjson", line(1)))
    assert done.exit_code == 1
    assert "run the same command again" in str(done.exception)


def test_without_any_broker_it_says_how_to_get_one(
    kafka: FakeKafka, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("KAFKA_BOOTSTRAP_SERVERS")
    done = run(write(tmp_path / "events.ndjson", line(1)))
    assert done.exit_code == 1
    assert "burnline up" in str(done.exception)
    assert kafka.records == []
