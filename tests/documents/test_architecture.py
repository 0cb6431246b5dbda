"""docs/architecture.md draws the rooms of the code and what each imports, as it is."""

import ast
import re
from collections.abc import Iterator
from typing import Final

import pytest

from burnline.localstack.places import project_root

ROOT: Final = project_root()
PACKAGES: Final = {
    path.name: path
    for path in (
        ROOT / "libs/common/common",
        *sorted(init.parent for init in ROOT.glob("services/*/*/__init__.py")),
        ROOT / "cli/burnline",
    )
}
ALL: Final = "the whole"
BLOCK: Final = re.compile(r"### `?([\w ]+?)`?\n.*?```mermaid\n(.*?)```", re.DOTALL)
ARROW: Final = re.compile(r"(?m)^ *(\w+)((?: & \w+)*) --> (\w+)((?: & \w+)*)$")
NODE: Final = re.compile(r'(?m)^ *(\w+)(?:\["[^"]*"\])?$')

SQL_ROOMS: Final = frozenset({"storage", "ledger", "counts"})
STATEMENT: Final = re.compile(
    r"\s*(WITH|SELECT|INSERT INTO|UPDATE|DELETE FROM|TRUNCATE|LOCK) [\w.*(:]+"
)

Rooms = dict[str, set[str]]


def imports(package: str) -> Iterator[tuple[tuple[str, ...], tuple[str, ...]]]:
    """Give (module, what it imports) of a package, both in parts."""
    for path in PACKAGES[package].rglob("*.py"):
        own = (package, *path.relative_to(PACKAGES[package]).with_suffix("").parts)
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            if isinstance(node, ast.ImportFrom) and node.module:
                yield own, tuple(node.module.split("."))
            elif isinstance(node, ast.Import):
                yield from ((own, tuple(alias.name.split("."))) for alias in node.names)


def is_room(package: str, name: str) -> bool:
    return (PACKAGES[package] / name / "__init__.py").exists()


def rooms_of(package: str) -> Rooms:
    """Return the folders of a package and the folders that each imports."""
    found: Rooms = {
        path.name: set() for path in PACKAGES[package].iterdir() if is_room(package, path.name)
    }
    for own, other in imports(package):
        if own[1] in found and other[0] == package and len(other) > 1 and other[1] in found:
            found[own[1]] |= {other[1]} - {own[1]}
    return found


def packages() -> Rooms:
    """Return the packages and the packages that each imports."""
    return {
        package: {other[0] for _, other in imports(package)} & PACKAGES.keys() - {package}
        for package in PACKAGES
    }


def drawn() -> dict[str, Rooms]:
    """Return the pictures of the document by their headings."""
    pictures: dict[str, Rooms] = {}
    for title, picture in BLOCK.findall((ROOT / "docs/architecture.md").read_text("utf-8")):
        rooms: Rooms = {name: set() for name in NODE.findall(picture)}
        for first, others, target, targets in ARROW.findall(picture):
            into = {target, *targets.split(" & ")[1:]}
            for source in (first, *others.split(" & ")[1:]):
                rooms.setdefault(source, set()).update(into)
            for room in into:
                rooms.setdefault(room, set())
        pictures[title] = rooms
    return pictures


def reached(rooms: Rooms, start: str) -> set[str]:
    """Return what may be imported from a room: whatever the arrows lead to."""
    found: set[str] = set()
    waiting = [*rooms[start]]
    while waiting:
        room = waiting.pop()
        if room not in found:
            found.add(room)
            waiting += rooms[room]
    return found


def test_the_document_draws_the_packages_and_the_rooms_of_each() -> None:
    assert drawn().keys() == {ALL} | {name for name in PACKAGES if rooms_of(name)}


@pytest.mark.parametrize("title", [ALL, *(name for name in PACKAGES if rooms_of(name))])
def test_a_room_imports_what_the_arrows_lead_to(title: str) -> None:
    real, picture = packages() if title == ALL else rooms_of(title), drawn()[title]
    assert picture.keys() == real.keys()
    for room, imported in real.items():
        allowed = reached(picture, room)
        assert room not in allowed, f"{room} imports itself by a circle"
        assert imported <= allowed, f"{room}: no arrow leads to {imported - allowed}"
        assert picture[room] <= imported, f"{room}: no import for {picture[room] - imported}"


@pytest.mark.parametrize("package", PACKAGES)
def test_no_room_imports_the_wiring(package: str) -> None:
    """Beside the rooms stand settings, metrics and such, and what puts all together."""
    edges = {
        (own[1], other[1])
        for own, other in imports(package)
        if other[0] == package and len(other) > 1
    }
    wiring = {own for own, other in edges if not is_room(package, own) and is_room(package, other)}
    assert {(o, t) for o, t in edges if is_room(package, o) and t in wiring} == set()


@pytest.mark.parametrize("package", [name for name in PACKAGES if name != "burnline"])
def test_statements_of_sql_stand_in_repositories(package: str) -> None:
    for path in PACKAGES[package].rglob("*.py"):
        if SQL_ROOMS & {*path.parts} or path.stem.endswith("repository"):
            continue
        texts = (
            str(node.value)
            for node in ast.walk(ast.parse(path.read_text(encoding="utf-8")))
            if isinstance(node, ast.Constant)
        )
        assert [text for text in texts if STATEMENT.match(text)] == [], path
