"""`burnline rules test` on stored counts."""

import asyncio
import inspect
import json
import re
import struct
import time
from datetime import UTC, datetime
from pathlib import Path

import asyncpg
import pytest
from typer.testing import CliRunner

from burnline.main import make_app
from common.alerting.default_rules import read_rules

RULES = Path(inspect.getfile(read_rules)).with_name("rules.yaml")
OUTAGE_MINUTES = range(60, 70)  # before now


@pytest.fixture
def stored(postgres_url: str, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Path:
    """Six hours of minutes of one service, with an outage of ten minutes an hour ago."""
    now = int(time.time()) // 60 * 60
    asyncio.run(_fill(postgres_url, now))
    monkeypatch.setenv("DATABASE_URL", postgres_url)
    monkeypatch.setenv("BURNLINE_DATA_DIR", str(tmp_path))
    start, end = (now - minutes * 60 for minutes in (OUTAGE_MINUTES[-1] + 1, OUTAGE_MINUTES[0]))
    fact = {"scenario": "fast_outage", "service": "checkout", "parameters": {}}
    times = {"from": _rfc3339(start), "to": _rfc3339(end)}
    (tmp_path / "simulator-truth.ndjson").write_text(json.dumps({**fact, **times}) + "\n")
    return tmp_path


async def _fill(url: str, now: int) -> None:
    connection = await asyncpg.connect(url)
    try:
        await connection.execute("TRUNCATE burnrate.count_block, burnrate.service")
        await connection.execute("DELETE FROM catalog.services")
        await connection.execute(
            "INSERT INTO catalog.services (name, tier, owner)"
            " VALUES ('checkout', 1, 'web'), ('cart', 1, 'web')"
        )
        await connection.execute(
            "INSERT INTO burnrate.service (service, shard, slot, newest_at)"
            " VALUES ('checkout', 0, 0, now()), ('cart', 1, 0, now())"
        )
        rows = [
            (shard, _at(now - minute * 60), struct.pack("<3q", 1000, bad, 60))
            for minute in range(360)
            for shard, bad in enumerate([400 if minute in OUTAGE_MINUTES else 0, 0])
        ]
        await connection.executemany(
            "INSERT INTO burnrate.count_block VALUES ($1, 60, $2, $3)", rows
        )
    finally:
        await connection.close()


def _at(seconds: int) -> datetime:
    return datetime.fromtimestamp(seconds, UTC)


def _rfc3339(seconds: int) -> str:
    return _at(seconds).isoformat().replace("+00:00", "Z")


def run(*arguments: str) -> tuple[int, str]:
    result = CliRunner().invoke(make_app("rules"), ["rules", "test", *arguments])
    return result.exit_code, result.output if not result.exception else str(result.exception)


@pytest.mark.usefixtures("stored")
def test_what_would_have_paged_is_printed_and_judged() -> None:
    status, text = run(str(RULES), "--hours", "5")
    assert status == 0, text
    assert "page    burn-rate-page" in text
    assert "pages: precision 100% (1 of 1), recall 100% (1 of 1), detected after" in text
    assert "fast_outage 1 of 1" in text


@pytest.mark.usefixtures("stored")
def test_the_same_as_data_with_times_and_durations() -> None:
    status, text = run(str(RULES), "--hours", "5", "--format", "json")
    assert status == 0, text
    found = json.loads(text)
    (page,) = [alarm for alarm in found["alarms"] if alarm["severity"] == "page"]
    assert page["service_name"] == "checkout"
    assert page["told_at"] < page["ended_at"]
    assert found["scores"]["pages"]["median_detection_seconds"] <= 180


def test_without_truth_nothing_is_judged(stored: Path) -> None:
    (stored / "simulator-truth.ndjson").unlink()
    status, text = run(str(RULES), "--hours", "5")
    assert status == 0
    assert text.rstrip().endswith("no truth is known: what was right cannot be said")


@pytest.mark.usefixtures("stored")
def test_a_set_of_rules_that_asks_for_more_pages_nobody(tmp_path: Path) -> None:
    rules = tmp_path / "deaf.yaml"
    rules.write_text(RULES.read_text().replace("min_bad_events: 10", "min_bad_events: 100000"))
    status, text = run(str(rules), "--hours", "5")
    assert status == 0
    assert "pages: no alarms (0 of 0), recall 0% (0 of 1)" in text


@pytest.mark.usefixtures("stored")
def test_rules_that_cannot_be_used_are_named_with_the_fix(tmp_path: Path) -> None:
    rules = tmp_path / "wrong.yaml"
    rules.write_text("rules: [{name: x, kind: budget_left, levels: [{severity: page}]}]")
    status, text = run(str(rules))
    assert status != 0
    assert "rules[0].levels[0].at_most_ratio: is required" in text


@pytest.mark.usefixtures("stored")
def test_one_service_is_replayed_without_the_others() -> None:
    status, text = run(str(RULES), "--hours", "5", "--service", "cart")
    assert status == 0, text
    assert "0 alarms in 5 hours" in text
    assert "no incidents (0 of 0)" in text
    status, text = run(str(RULES), "--hours", "5", "--service", "cart", "--service", "checkout")
    assert "fast_outage 1 of 1" in text
    status, text = run(str(RULES), "--service", "nobody")
    assert status != 0
    assert "there is no service nobody" in text


@pytest.mark.usefixtures("stored")
def test_a_replay_goes_as_far_back_as_minutes_are_kept_and_says_so() -> None:
    status, text = run(str(RULES), "--hours", "500")
    assert status == 0, text
    # the first hour that is whole is less than one from the first minute: now may be a full hour
    assert re.search(r"minutes are kept for the last (5|5\.\d+|6) h only", text), text
    assert "burn-rate-page" in text
