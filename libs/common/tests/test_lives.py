"""Crashes are counted over the lives of a process; what ends in order is none."""

from pathlib import Path

import pytest

from common.runtime.lives import CRASH_LOOP, RECENT_SECONDS, Lives


class Process:
    """One process that is started again and again, and its clock."""

    def __init__(self, path: Path) -> None:
        self.path, self.now = path, 1_000.0

    def begin(self) -> Lives:
        lives = Lives(self.path, lambda: self.now)
        lives.begin()
        return lives


@pytest.fixture
def process(tmp_path: Path) -> Process:
    return Process(tmp_path / "of this test" / "gate.json")


def test_a_loop_is_said_from_the_third_crash_on_and_for_five_minutes(process: Process) -> None:
    lives = process.begin()
    for crashes in range(1, CRASH_LOOP + 1):
        assert lives.warnings() == {}
        process.now += 5
        lives = process.begin()
        assert lives.recent_crashes() == crashes
    assert "3 crashes within 5 minutes" in lives.warnings()["crash loop"]
    process.now += RECENT_SECONDS - 5
    assert lives.warnings() == {}


def test_what_is_told_to_stop_has_not_crashed(process: Process) -> None:
    for _ in range(2 * CRASH_LOOP):
        process.begin().end()
    assert process.begin().recent_crashes() == 0


@pytest.mark.parametrize("content", [b"", b"{", b'{"crashed_at": 7}'])
def test_a_file_that_makes_no_sense_is_begun_anew(process: Process, content: bytes) -> None:
    process.path.parent.mkdir()
    process.path.write_bytes(content)
    process.begin()
    assert process.begin().recent_crashes() == 1


def test_a_place_that_cannot_be_written_stops_nothing(tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    lives = Lives(tmp_path / "file" / "gate.json")
    lives.begin()
    lives.end()
    assert lives.warnings() == {}
