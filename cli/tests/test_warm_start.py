"""A service reads its code while its servers start, and begins once they are there."""

import os
import ssl
import subprocess
import sys
from pathlib import Path

import pytest

from burnline.localstack.ports import free_port
from burnline.localstack.services import is_service_ready

pytestmark = pytest.mark.slow

MAIN = """\
import sys
import slowly.app

if __name__ == "__main__":
    print("runs", __name__, slowly.app.times, sys.argv[0].endswith("__main__.py"), flush=True)
"""
APP = """\
times = 1
print("imported", flush=True)
"""


def test_it_imports_at_once_and_runs_when_the_file_is_there(tmp_path: Path) -> None:
    package, go = tmp_path / "slowly", tmp_path / "my data" / "ready"
    package.mkdir()
    go.parent.mkdir()
    for name, text in (("__init__", ""), ("__main__", MAIN), ("app", APP)):
        (package / f"{name}.py").write_text(text)
    process = subprocess.Popen(
        (sys.executable, "-m", "burnline.localstack.warm_start", "slowly", str(go)),
        env={**os.environ, "PYTHONPATH": str(tmp_path)},
        stdout=subprocess.PIPE,
        text=True,
    )
    assert process.stdout is not None
    assert process.stdout.readline() == "imported\n"
    with pytest.raises(subprocess.TimeoutExpired):
        process.wait(0.3)
    go.touch()
    rest, _ = process.communicate(timeout=10)
    assert rest == "runs __main__ 1 True\n"
    assert process.returncode == 0


async def test_a_probe_loads_no_certificates(monkeypatch: pytest.MonkeyPatch) -> None:
    def load(*_: object, **__: object) -> ssl.SSLContext:
        raise AssertionError("certificates are loaded for plain HTTP")

    monkeypatch.setattr(ssl, "create_default_context", load)
    assert not await is_service_ready(f"http://127.0.0.1:{free_port('127.0.0.1')}")
