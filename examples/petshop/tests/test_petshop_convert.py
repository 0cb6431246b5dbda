"""The converter as a program: a hand-written file of ten steps, and the real one where it is."""

import csv
import json
import os
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from common.admission.metric_events import parse_metric_event

HERE = Path(__file__).parent
TEN_STEPS = HERE / "ten_steps.csv"
Events = list[dict[str, Any]]


def convert(path: Path) -> subprocess.CompletedProcess[str]:
    program = HERE.parent / "convert.py"
    # -I: nothing but the standard library, as the program promises
    return subprocess.run(
        [sys.executable, "-I", "-S", str(program), str(path)],
        capture_output=True,
        text=True,
        check=False,
    )


def events_of(path: Path) -> Events:
    done = convert(path)
    assert done.returncode == 0, done.stderr
    return [json.loads(line) for line in done.stdout.splitlines()]


def of_service(events: Events, service: str) -> list[tuple[int, int]]:
    return [(e["total"], e["bad"]) for e in events if e["service"] == service]


def test_ten_steps_give_the_hand_counted_events() -> None:
    events = events_of(TEN_STEPS)
    assert of_service(events, "petsite") == [
        (400, 0),
        (410, 0),
        (420, 4),
        (430, 255),
        (440, 220),
        (0, 0),
        (450, 0),
        (460, 0),
        (470, 0),
        (480, 1),
    ]
    assert sum(bad for _, bad in of_service(events, "petsearch_aws-ecs-fargate")) == 23 + 4 + 1
    first = next(event for event in events if event["service"] == "petsite")
    assert first == {
        "event_id": "2023-08-21T09:05:00Z",
        "source": "petshop",
        "service": "petsite",
        "timestamp": "2023-08-21T09:05:00Z",
        "window_seconds": 300,
        "total": 400,
        "bad": 0,
    }


def test_names_that_would_be_the_same_are_told_apart() -> None:
    events = events_of(TEN_STEPS)
    names = {event["service"] for event in events}
    assert len(names) == 4
    assert len([name for name in names if name.startswith("servi-a-")]) == 2
    one_step_missing = sorted(sum(e["service"] == name for e in events) for name in names)
    assert one_step_missing == [9, 10, 10, 10]


def test_every_event_passes_the_admission_checks() -> None:
    for line in convert(TEN_STEPS).stdout.splitlines():
        assert parse_metric_event(line.encode(), forbid_unknown=True).source == "petshop"


def test_the_same_file_gives_the_same_bytes() -> None:
    assert convert(TEN_STEPS).stdout == convert(TEN_STEPS).stdout


def cell(row: int, column: int, value: str) -> Callable[[list[list[str]]], None]:
    def change(rows: list[list[str]]) -> None:
        rows[row][column] = value

    return change


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (cell(6, 3, "99.9"), "line 7, PetSite: bad requests"),
        (cell(6, 3, ""), "line 7, PetSite: 420 requests, but no availability"),
        (cell(6, 3, "101"), "line 7, PetSite: availability 101.0 is no percentage"),
        (cell(6, 2, "420.5"), "line 7, PetSite: requests: 420.5 is no count"),
        (cell(6, 2, "-1"), "line 7, PetSite: requests: -1.0 is no count"),
        (cell(6, 2, "nan"), "line 7, PetSite: 'nan' is no number"),
        (cell(6, 2, "many"), "line 7, PetSite: 'many' is no number"),
        (cell(6, 0, "1692609001"), "steps must be equally long"),
        (cell(0, 0, "service"), "the first column must begin with microservice"),
        (lambda rows: rows[7].pop(), "line 8: 12 columns, not 13"),
    ],
)
def test_what_makes_no_sense_is_refused_with_its_place(
    tmp_path: Path, change: Callable[[list[list[str]]], None], message: str
) -> None:
    with TEN_STEPS.open(newline="") as stream:
        rows = list(csv.reader(stream))
    change(rows)
    path = tmp_path / "changed.csv"
    with path.open("w", newline="") as stream:
        csv.writer(stream).writerows(rows)
    done = convert(path)
    assert (done.returncode, done.stdout) == (1, "")
    assert message in done.stderr


def test_a_file_that_is_not_there_is_an_error_and_no_trace(tmp_path: Path) -> None:
    done = convert(tmp_path / "none.csv")
    assert done.returncode == 1
    assert done.stderr.startswith("error: ")


def test_the_real_file_has_the_known_outage() -> None:
    real = os.environ.get("BURNLINE_PETSHOP_CSV")
    if not real:
        pytest.skip("BURNLINE_PETSHOP_CSV does not name the real file")
    steps = of_service(events_of(Path(real)), "petsite")
    assert len(steps) == 589
    assert sum(total for total, _ in steps) == 285_225
    assert sum(bad for _, bad in steps) == 1_167
    hours = [steps[max(0, n - 11) : n + 1] for n in range(len(steps))]
    peak = max(sum(b for _, b in hour) / sum(t for t, _ in hour) for hour in hours) / 0.001
    assert round(peak, 2) == 111.09
