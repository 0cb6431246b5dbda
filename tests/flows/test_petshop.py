"""A real web shop's two days, imported, give the figures that its file holds."""

import os
from pathlib import Path
from typing import Any

import pytest

from tests.support.flow import (
    convert_petshop,
    create_service,
    create_target,
    get,
    rows,
    run_import,
    start_import,
    wait_for,
)
from tests.support.servers.stack import Stack

TEN_STEPS = Path(__file__).parents[2] / "examples" / "petshop" / "tests" / "ten_steps.csv"
VARIABLE = "BURNLINE_PETSHOP_CSV"


def figures(stack: Stack) -> dict[str, Any]:
    slo = get(stack, "/api/slo/petsite")["slos"][0]
    return {
        name: slo[name]
        for name in ("total", "bad", "error_budget_consumed", "error_budget_remaining")
    }


@pytest.fixture(scope="module")
def events(tmp_path_factory: pytest.TempPathFactory) -> Path:
    metrics = os.environ.get(VARIABLE)
    if not metrics:
        pytest.skip(f"{VARIABLE} does not name the PetShop file")
    return convert_petshop(Path(metrics), tmp_path_factory.mktemp("petshop") / "events.ndjson")


def test_the_petshop_outage_is_read_from_the_api(stack: Stack, events: Path) -> None:
    create_service(stack, "petsite", tier=1)
    create_target(
        stack,
        "petsite",
        name="availability",
        sli_type="availability",
        objective=0.999,
        window_days=30,
    )
    run_import(stack, events, "--shift-to-now")
    status = wait_for(stack, "/api/slo/petsite", lambda body: body["slos"][0]["total"] == 285_225)
    slo = status["slos"][0]
    assert slo["bad"] == 1_167
    assert slo["error_budget_consumed"] == pytest.approx(1_167 / 285.225, abs=1e-12)
    assert slo["error_budget_consumed"] == pytest.approx(4.0915, abs=5e-5)
    assert slo["error_budget_remaining"] == pytest.approx(-3.0915, abs=5e-5)

    history = get(stack, "/api/burn/petsite?step=5m")
    assert history["step_seconds"] == 300
    assert max(p["burn_rate_1h"] for p in history["points"]) == pytest.approx(111.09, abs=0.005)

    before = figures(stack)
    run_import(stack, events, "--shift-to-now")
    assert figures(stack) == before
    stack.restart("burnrate")
    wait_for(stack, "/api/slo/petsite", lambda body: body["data_status"] == "ok")
    assert figures(stack) == before


def test_ten_steps_written_by_hand_reach_the_api(stack: Stack, tmp_path: Path) -> None:
    steps = tmp_path / "metrics.csv"
    steps.write_text(TEN_STEPS.read_text().replace("PetSite", "SmallShop"))
    file = convert_petshop(steps, tmp_path / "events.ndjson")
    for _ in range(2):
        run_import(stack, file, "--shift-to-now")
        body = wait_for(stack, "/api/slo/smallshop", lambda body: body["slos"][0]["total"] == 3_960)
        assert body["slos"][0]["bad"] == 4 + 255 + 220 + 1
        assert body["slos"][0]["error_budget_consumed"] == pytest.approx(480 / 3.96)
        # five-minute reports: the shortest window holds two of them
        assert body["resolution_seconds"] == 300
        assert body["short_window_seconds"] == 600


def test_a_killed_import_ends_in_the_same_numbers(stack: Stack, events: Path) -> None:
    """Freeze in the middle of a transaction, look, kill, and let the supervisor go on."""
    file = events.with_name("frozen.ndjson")
    file.write_text(events.read_text().replace('"petsite"', '"frozensite"'))
    stack.set_environment(
        "burnrate",
        BURNLINE_FAILPOINTS="ledger.after_apply:6:STOP",
        BURNRATE_MAX_BATCH_RECORDS="60",
        BURNRATE_MAX_FLUSH_RECORDS="60",
    )
    stack.restart("burnrate")
    create_service(stack, "frozensite", tier=1)
    earlier = import_lines(stack)
    importing = start_import(stack, file, "--shift-to-now")
    hit = stack.data_dir.path / "failpoint-ledger.after_apply.hit"
    stack.wait_until(hit.exists, "the failpoint was not reached")
    lines = [line for _, line in import_lines(stack) - earlier]
    last = len(file.read_text().splitlines())
    assert lines, "nothing was stored before the failpoint"
    assert all(line < last for line in lines)
    stack.restart("burnrate")
    output, _ = importing.communicate(timeout=120)
    assert importing.returncode == 0, output
    status = wait_for(stack, "/api/slo/frozensite", lambda b: b["slos"][0]["total"] == 285_225)
    assert status["slos"][0]["bad"] == 1_167


def import_lines(stack: Stack) -> set[tuple[str, int]]:
    """Return the highest line applied, by import and shard."""
    return {
        (row["import_id"], row["line"])
        for row in rows(stack, "SELECT import_id, line FROM burnrate.import_line")
    }
