"""When the dashboard is built again, and when it is not."""

import gzip
import json
import stat
from pathlib import Path

import pytest

from burnline.errors import StackError
from burnline.localstack import dashboard, runtimes
from burnline.localstack.dashboard import content_hash, ensure_dashboard, ensure_modules

NPM = """#!/bin/sh
echo npm "$@" >> calls
mkdir -p node_modules
"""
NODE = """#!/bin/sh
[ "$1" != --version ] || { echo v20.19.0; exit; }
echo node "$2" >> calls
[ ! -e broken ] || { echo "src/main.tsx: it is broken" >&2; exit 1; }
mkdir -p "$4/assets"
echo "<!doctype html>" > "$4/index.html"
echo "export {}" > "$4/assets/index-1a.js"
"""


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Sources of a dashboard, and an npm and a node that note that they were called."""
    sources, tools = tmp_path / "frontend", tmp_path / "bin"
    for name in ("src", "public"):
        (sources / name).mkdir(parents=True)
    tools.mkdir()
    for name in ("index.html", "vite.config.ts", "src/main.tsx", "src/main.test.tsx"):
        (sources / name).write_text(name)
    (sources / "package-lock.json").write_text(json.dumps({"packages": {}}))
    for name, script in (("npm", NPM), ("node", NODE)):
        (tools / name).write_text(script)
        (tools / name).chmod(stat.S_IRWXU)
    monkeypatch.setenv("PATH", f"{tools}:/usr/bin:/bin")
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    monkeypatch.delenv(dashboard.DIRECTORY_VARIABLE, raising=False)
    monkeypatch.delenv("NODE_HOME", raising=False)
    monkeypatch.setattr("sys.prefix", str(tmp_path / "environment"))
    monkeypatch.setattr(dashboard, "frontend_dir", lambda: sources)
    return sources


def calls(folder: Path) -> list[str]:
    return [line.split()[0] for line in (folder / "calls").read_text().splitlines()]


def test_it_is_built_once_for_each_content(folder: Path) -> None:
    built = ensure_dashboard()
    assert gzip.decompress((built / "assets" / "index-1a.js.gz").read_bytes()) == b"export {}\n"
    assert ensure_dashboard() == built
    assert calls(folder) == ["npm", "node"]
    (folder / "src" / "main.test.tsx").write_text("another test")
    assert ensure_dashboard() == built
    (folder / "src" / "main.tsx").write_text("another page")
    assert ensure_dashboard() != built
    assert calls(folder) == ["npm", "node", "node"]


def test_moved_content_is_other_content(folder: Path) -> None:
    before = content_hash(folder)
    (folder / "src" / "main.tsx").rename(folder / "src" / "other.tsx")
    assert content_hash(folder) != before


def test_packages_are_installed_again_when_the_lock_changes(folder: Path) -> None:
    ensure_modules(folder)
    ensure_modules(folder)
    assert calls(folder) == ["npm"]
    (folder / "package-lock.json").write_text(json.dumps({"packages": {"a": {}}}))
    ensure_modules(folder)
    assert calls(folder) == ["npm", "npm"]


def test_a_build_that_fails_leaves_nothing_and_says_why(folder: Path) -> None:
    (folder / "broken").touch()
    with pytest.raises(StackError, match="it is broken"):
        ensure_dashboard()
    kept = folder.parent / "cache" / "burnline" / "dashboard"
    assert [path.name for path in kept.iterdir() if path.is_dir()] == []


def test_a_build_needs_fewer_packages_than_the_checks(folder: Path) -> None:
    ensure_dashboard()
    assert "--omit=dev" in (folder / "calls").read_text()
    ensure_modules(folder)
    ensure_modules(folder, only_to_build=True)
    assert calls(folder) == ["npm", "node", "npm"]


def test_without_node_and_without_its_wheel_the_cure_is_named(
    folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def cannot(requirements: str, name: str) -> None:
        raise StackError(f"{name} of {requirements}: no network")

    monkeypatch.setattr(runtimes, "install_pinned", cannot)
    monkeypatch.setenv("PATH", str(folder))
    (folder.parent / "environment").mkdir()
    with pytest.raises(StackError, match=r"Node\.js 20\.19 or newer of requirements-node"):
        ensure_dashboard()


def test_a_callers_own_build_is_used(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv(dashboard.DIRECTORY_VARIABLE, "/somewhere/else")
    assert ensure_dashboard() == Path("/somewhere/else")
    assert not (folder / "calls").exists()
