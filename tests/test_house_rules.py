"""Rules of this house that no linter has."""

import ast
import json
from collections import Counter
from collections.abc import Iterator
from pathlib import Path
from typing import Final

import pytest

from burnline.localstack.artifacts import KAFKA_VERSION
from burnline.localstack.postgres_home import MAJOR_VERSION

ROOT: Final = Path(__file__).resolve().parents[1]
NOT_OURS: Final = frozenset({".venv", ".git", ".hypothesis", "node_modules", "dist", "__pycache__"})
MAX_LINES: Final = 400
MAX_FUNCTION_LINES: Final = 40
MAX_MODULES: Final = 25
LEAST_PATIENCE_SECONDS: Final = 60
# who asks again, and tools that measure
ASK_AGAIN: Final = ("tests/siege/", "tests/faults/harness/compose.py", "tests/faults/sender.py")
SECONDS_AT: Final = {"timeout": 0, "wait_for": 1, "eventually": 2}  # place of the argument
DUMPING_GROUNDS: Final = frozenset({"utils", "util", "helpers", "helper", "misc"})
PINS: Final = ("requirements.txt", "requirements-services.txt", "requirements-dev.txt")
# What a machine may lack, installed by itself.
WHEEL_PINS: Final = tuple(f"requirements-{name}.txt" for name in ("java", "node", "maven"))
# In parts, or this file would break the rule itself.
REGISTRIES: Final = tuple(
    ".".join(parts)
    for parts in (
        ("pypi", "org"),
        ("pythonhosted", "org"),
        ("npmjs", "org"),
        ("repo1", "maven", "org"),
        ("repo", "maven", "apache", "org"),
        ("crates", "io"),
        ("proxy", "golang", "org"),
    )
)


def our_files(folder: Path = ROOT) -> Iterator[Path]:
    for path in sorted(folder.iterdir()):
        if path.name in NOT_OURS or path.name.endswith("_cache") or path.is_symlink():
            continue
        if path.is_dir() and path.name != ".burnline":
            yield from our_files(path)
        elif path.is_file():
            yield path


FILES: Final = [path.relative_to(ROOT) for path in our_files()]
PYTHON: Final = [path for path in FILES if path.suffix == ".py"]


def is_test(path: Path) -> bool:
    return "tests" in path.parts


@pytest.mark.parametrize("path", PYTHON, ids=str)
def test_file_is_not_too_long(path: Path) -> None:
    lines = len((ROOT / path).read_text().splitlines())
    assert lines <= MAX_LINES


@pytest.mark.parametrize("path", [p for p in PYTHON if not is_test(p)], ids=str)
def test_functions_are_not_too_long(path: Path) -> None:
    tree = ast.parse((ROOT / path).read_text())
    functions = (
        node for node in ast.walk(tree) if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef)
    )
    long = [
        f"{node.name}: {node.end_lineno - node.lineno + 1} lines"
        for node in functions
        if node.end_lineno is not None and node.end_lineno - node.lineno >= MAX_FUNCTION_LINES
    ]
    assert not long


def test_no_folder_holds_more_modules_than_one_can_look_through() -> None:
    modules = Counter(path.parent for path in PYTHON)
    assert [folder for folder, count in modules.items() if count > MAX_MODULES] == []


def test_no_file_is_a_dumping_ground() -> None:
    assert [path for path in PYTHON if path.stem in DUMPING_GROUNDS] == []


def bounds_of_waits(path: Path) -> Iterator[tuple[int, float]]:
    """Give line and seconds of each wait of a test that is bounded by a number of its own."""
    for node in ast.walk(ast.parse((ROOT / path).read_text())):
        if not isinstance(node, ast.Call):
            continue
        called = ast.unparse(node.func).rpartition(".")[2]
        named = {word.arg: word.value for word in node.keywords}
        bounds = [named.get("timeout")]
        if called in SECONDS_AT:
            bounds += [named.get("seconds"), *node.args[SECONDS_AT[called] :]]
        for bound in bounds:
            if isinstance(bound, ast.Constant) and isinstance(bound.value, int | float):
                yield node.lineno, bound.value


def test_what_a_test_waits_for_is_bounded_far_beyond_what_a_busy_machine_takes() -> None:
    """How fast something is, benchmarks say; here a bound only ends what would hang."""
    short = [
        f"{path}:{line}: {seconds:g} s"
        for path in PYTHON
        if is_test(path) and not str(path).startswith(ASK_AGAIN)
        for line, seconds in bounds_of_waits(path)
        if 0 < seconds < LEAST_PATIENCE_SECONDS
    ]
    assert short == [], "use tests.support.waiting"


@pytest.mark.parametrize("name", [*PINS, *WHEEL_PINS])
def test_pins_hold_no_address_and_a_hash_for_each_package(name: str) -> None:
    text = (ROOT / name).read_text()
    assert "://" not in text
    pinned = text.count("==")
    assert pinned > 0
    assert text.count(" \\\n    --hash=sha256:") >= pinned


def test_the_dashboards_pins_hold_no_address_and_a_hash_for_each_package() -> None:
    text = (ROOT / "frontend" / "package-lock.json").read_text()
    assert "://" not in text
    packages = json.loads(text)["packages"]
    assert [name for name, pin in packages.items() if name and "integrity" not in pin] == []


def test_licences_are_said_of_what_is_fetched_in_the_version_that_is() -> None:
    text = (ROOT / "docs" / "licences.md").read_text()
    pins = [(ROOT / name).read_text().split(" ", 1)[0].split("==") for name in WHEEL_PINS]
    (java, java_version), (node, node_version), (maven, _) = pins
    assert all(f"`{package}`" in text for package in (java, node, maven))
    assert f"Eclipse Temurin {java_version.split('.')[0]} " in text
    assert f"Node.js {node_version.split('.')[0]} " in text
    assert f"Apache Kafka {KAFKA_VERSION} " in text
    assert f"PostgreSQL {MAJOR_VERSION} " in text


def test_all_sets_of_pins_agree() -> None:
    def pins(name: str) -> set[str]:
        lines = (ROOT / name).read_text().splitlines()
        return {line.split(";")[0].strip(" \\") for line in lines if "==" in line}

    assert all(pins(name) <= pins("requirements-dev.txt") for name in PINS)


def test_no_registry_is_named_anywhere() -> None:
    named = [
        f"{path}: {host}"
        for path in FILES
        for host in REGISTRIES
        if host in (ROOT / path).read_text(errors="replace")
    ]
    assert named == []
