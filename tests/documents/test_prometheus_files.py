"""Prometheus's own tool reads its settings and rules, and plays the alerts through."""

import re
import shutil
import subprocess
from pathlib import Path

import pytest
import yaml

FOLDER = Path(__file__).parents[2] / "deploy" / "prometheus"
NEVER, ALWAYS = "absent(vector(1))", "vector(1)"


def promtool(folder: Path, *arguments: str) -> "subprocess.CompletedProcess[str]":
    program = shutil.which("promtool")
    assert program, "promtool is not on the PATH: it comes with the Debian package prometheus"
    return subprocess.run(
        (program, *arguments), cwd=folder, capture_output=True, text=True, check=False, timeout=120
    )


def test_the_settings_and_the_files_they_name_are_read(tmp_path: Path) -> None:
    shutil.copytree(FOLDER, tmp_path, dirs_exist_ok=True)
    settings = tmp_path / "prometheus.yml"
    (tmp_path / "read-token").touch()  # start.sh writes it
    settings.write_text(settings.read_text().replace("/tmp/", f"{tmp_path}/"))
    done = promtool(tmp_path, "check", "config", "prometheus.yml")
    assert done.returncode == 0, done.stdout + done.stderr
    assert "1 rule files found" in done.stdout


def test_the_rules_are_free_of_faults_and_of_repeats() -> None:
    done = promtool(FOLDER, "check", "rules", "--lint=all", "--lint-fatal", "rules.yml")
    assert done.returncode == 0, done.stdout + done.stderr


def test_alerts_fire_when_they_should_and_only_then() -> None:
    done = promtool(FOLDER, "test", "rules", "rules.test.yml")
    assert done.returncode == 0, done.stdout + done.stderr


@pytest.mark.parametrize("expression", [NEVER, ALWAYS])
def test_an_alert_that_is_silent_or_never_silent_is_noticed(
    expression: str, tmp_path: Path
) -> None:
    content = yaml.safe_load((FOLDER / "rules.yml").read_text())
    rules = [rule for group in content["groups"] for rule in group["rules"]]
    for rule in rules:
        rule["expr"] = expression
    (tmp_path / "rules.yml").write_text(yaml.safe_dump(content))
    shutil.copy(FOLDER / "rules.test.yml", tmp_path)
    done = promtool(tmp_path, "test", "rules", "rules.test.yml")
    assert done.returncode == 1
    missed = set(re.findall(r"Burnline\w+", done.stdout + done.stderr))
    assert missed == {rule["alert"] for rule in rules}
