"""Logs are bounded while they are written, read from the end, and followed over a cut."""

from pathlib import Path

import pytest

from burnline.localstack.logfiles import bound, follow, tail


def test_a_log_that_grew_too_large_is_moved_and_its_writer_goes_on(tmp_path: Path) -> None:
    log = tmp_path / "burnrate.log"
    with log.open("a", buffering=1) as writer:
        writer.write("old line\n" * 100)
        bound(log, max_bytes=500)
        writer.write("new line\n")
    assert log.read_text() == "new line\n"
    assert (tmp_path / "burnrate.log.1").read_text() == "old line\n" * 100


def test_a_small_log_is_left_alone(tmp_path: Path) -> None:
    log = tmp_path / "burnrate.log"
    log.write_text("line\n")
    bound(log, max_bytes=500)
    assert log.read_text() == "line\n"
    assert not (tmp_path / "burnrate.log.1").exists()


def test_tail(tmp_path: Path) -> None:
    log = tmp_path / "kafka.log"
    assert tail(log, 2) == []
    log.write_bytes(b"one\ntwo\nbad \xff byte\n")
    assert tail(log, 2) == ["two", "bad \ufffd byte"]


def test_follow_gives_whole_lines_and_notices_a_cut(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    log = tmp_path / "ingest.log"
    log.write_text("before\n")
    # What happens to the file between two looks of the follower.
    steps = iter(["one\nhalf a ", "line\n", None, "after\n"])

    def write_next(_seconds: float) -> None:
        text = next(steps)
        with log.open("a") as stream:
            stream.truncate(0) if text is None else stream.write(text)

    monkeypatch.setattr("burnline.localstack.logfiles.time.sleep", write_next)
    lines = follow({"ingest": log})
    assert [next(lines) for _ in range(3)] == [
        ("ingest", "one"),
        ("ingest", "half a line"),
        ("ingest", "after"),
    ]
