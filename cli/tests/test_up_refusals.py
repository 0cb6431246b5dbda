"""What `burnline up` says in one sentence, before it starts anything."""

from pathlib import Path

import pytest

from burnline import main
from burnline.commands import up
from burnline.errors import StackError
from burnline.localstack.config import StackConfig


@pytest.fixture
def started(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> list[object]:
    """`up` in a folder with a space, whose parts only note that they were begun."""
    calls: list[object] = []
    monkeypatch.setenv("BURNLINE_DATA_DIR", str(tmp_path / "my data"))
    monkeypatch.setattr("sys.argv", ["burnline", "up"])
    for name in ("_begin_dashboard", "launch"):
        monkeypatch.setattr(up, name, lambda *given: calls.append(given))
    return calls


def said(capsys: pytest.CaptureFixture[str]) -> str:
    with pytest.raises(SystemExit) as end:
        main.main()
    assert end.value.code == 1
    text = capsys.readouterr().err
    assert text.startswith("error: ")
    assert text.count("\n") == 1
    return text


def test_a_disk_that_is_nearly_full(
    started: list[object], monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr("burnline.localstack.places.free_bytes", lambda _: 120_000_000)
    text = said(capsys)
    assert "120 MB are free at" in text
    assert "300 MB are needed: free some, or set BURNLINE_DATA_DIR" in text
    assert started == []


@pytest.mark.parametrize(
    ("number", "word"), [(28, "No space left on device"), (13, "Permission denied")]
)
def test_a_disk_that_takes_no_more(
    started: list[object],
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
    number: int,
    word: str,
) -> None:
    def fails(_: StackConfig, __: object) -> StackConfig:
        raise OSError(number, word, "/full/token")

    monkeypatch.setattr(up, "_launch", fails)
    assert f"{word}: /full/token: make room or give access, or set BURNLINE_" in said(capsys)
    assert len(started) == 1


def test_jars_that_nobody_can_fetch(
    started: list[object], monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    def fails(*_: object) -> None:
        raise StackError("Apache Kafka's jars cannot be fetched: set HTTPS_PROXY")

    monkeypatch.delenv("KAFKA_BOOTSTRAP_SERVERS", raising=False)
    monkeypatch.setattr(up, "ensure", lambda *_: {})
    monkeypatch.setattr(up, "ensure_jars", fails)
    assert "jars cannot be fetched" in said(capsys)
    assert len(started) == 1  # the dashboard, which ends with the command
