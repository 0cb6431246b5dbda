"""Each fact of the product stands in one place; whoever writes it again learns where."""

import re
from pathlib import Path
from typing import Final

import pytest

ROOT: Final = Path(__file__).resolve().parents[1]
SOURCES: Final = sorted(
    path.relative_to(ROOT)
    for pattern in ("libs/common/common/**/*.py", "services/*/*/**/*.py", "cli/burnline/**/*.py")
    for path in ROOT.glob(pattern)
    if "tests" not in path.relative_to(ROOT).parts
)
OWNERS: Final = (
    ("risk boundaries", r"\b1(\.0)?,\s*1\.5,\s*2(\.0)?\b|DANGER: 1\.5", "common/slo/risk.py"),
    ("windows", r"\"5m\": *(300|5 \* MINUTE)", "common/slo/windows.py"),
    ("burn pairs", r"\b(21_?600|259_?200|72 \* HOUR)\b", "common/slo/windows.py"),
    (
        "the newer result",
        r"(?!excluded|known)\b(\w+)\.epoch, *\1\.evaluated_at",
        "common/slo/ordering.py",
    ),
    ("the newer row", r"excluded\.epoch, excluded\.evaluated_at", "common/storage/newest.py"),
    ("silence", r"(heard|alive|seen)_at >=? ", "common/slo/freshness.py"),
    (
        "untrusted",
        r"LAGGING,\s+DataStatus\.SATURATED,\s+DataStatus\.STALE",
        "common/slo/freshness.py",
    ),
    ("the limit of sums", r"COUNT_LIMIT - 1", "common/counts/layout.py"),
    ("numbers of buckets", r"def bucket_of\(", "common/counts/layout.py"),
    ("rows of a block", r"\"<i8\"", "common/counts/layout.py"),
    (
        "what an objective allows",
        r"float\(1 - |1 - (Fraction|Decimal)\(|\(1 - [\w.]+\.objective|\(1 - [\w.]+\[.objective",
        "common/slo/arithmetic.py",
    ),
    ("slow requests", r"width_bucket\(threshold", "common/counts/reads.py"),
)


@pytest.mark.parametrize(("fact", "written", "owner"), OWNERS, ids=[fact for fact, *_ in OWNERS])
def test_a_fact_has_one_owner(fact: str, written: str, owner: str) -> None:
    places = [str(p) for p in SOURCES if re.search(written, (ROOT / p).read_text())]
    assert places == [f"libs/common/{owner}"], f"{fact}: written once, in {owner}"


def test_figures_become_text_in_one_place() -> None:
    rounded = re.compile(r":[+,]?\.\d+[efg%]\}|\bround\((?!.*\* ?1000)|%\.\d")
    of_machines = re.compile(
        r"(common|api_gateway)/(kafka|ledger|runtime|http)/|ingest/simulator/|burnline/localstack/"
        r"|burnline/commands/(doctor|up)\.py"
    )
    places = [str(p) for p in SOURCES if rounded.search((ROOT / p).read_text())]
    found = [p for p in places if not of_machines.search(p)]
    assert found == ["libs/common/common/slo/wording.py"], "it rounds what people read"
    dashboard = (p for p in (ROOT / "frontend/src").rglob("*.ts*") if ".test." not in p.name)
    figures = re.compile(r"\.toFixed|\.toPrecision|NumberFormat|Math\.round")
    rounding = [str(p.relative_to(ROOT)) for p in dashboard if figures.search(p.read_text())]
    assert sorted(rounding) == [
        "frontend/src/components/charts/Sparkline.tsx",  # places on the screen
        "frontend/src/features/service/targetFields.ts",  # the noise of floats in what is typed
        "frontend/src/lib/format.ts",
    ]


def test_only_burnrate_writes_counts() -> None:
    writes = re.compile(
        r"(INSERT INTO|UPDATE|DELETE FROM) burnrate\.(service|count_block|latency)\b"
    )
    writers = {p.parts[1] for p in SOURCES if writes.search((ROOT / p).read_text())}
    assert writers == {"burnrate"}
