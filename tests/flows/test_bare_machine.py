"""`make up` on a machine with Debian's Python, make, git and nothing else, in a chroot."""

import os
import shutil
import subprocess
from pathlib import Path
from typing import Final

import pytest

from burnline.localstack.places import cache_dir, project_root

SECONDS: Final = 1200
CAN_MAKE_ONE: Final = os.geteuid() == 0 and shutil.which("debootstrap") is not None


@pytest.mark.servers
@pytest.mark.skipif(not CAN_MAKE_ONE, reason="a chroot is made by root, with debootstrap")
def test_a_bare_machine_serves_from_kafka_and_again_without_a_network() -> None:
    trial: Path = project_root() / "deploy" / "trial" / "bare-machine.sh"
    done = subprocess.run(
        (str(trial), "someone"),
        env={**os.environ, "TRIAL_DIR": str(cache_dir() / "trial")},
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        check=False,
        timeout=SECONDS,
    )
    assert done.returncode == 0, done.stdout
    assert "no Java 17 or newer here" in done.stdout
    assert "no Node.js 20.19 or newer here" in done.stdout
    assert done.stdout.count("Apache Kafka 4") >= 2
    first, second = done.stdout.split("first run: ")
    assert "served after" in first
    assert "  took      " in first
    assert "already running" not in second
    assert "installing" not in second
    assert "second run, without a network" in second
