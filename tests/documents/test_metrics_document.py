"""docs/metrics.md, the alert rules and the dashboard name what the processes export."""

import json
import re
from collections.abc import Iterable, Iterator
from importlib import import_module
from pathlib import Path
from typing import Any

import pytest
import yaml
from prometheus_client import REGISTRY, Counter, Histogram
from prometheus_client.metrics import MetricWrapperBase

import common.ledger.metrics
from api_gateway.slo_exporter import PROCESS

ROOT = Path(__file__).parents[2]
SECTIONS = {
    "ingest": ["ingest.metrics"],
    "burnrate": ["burnrate.metrics"],
    "forecast": ["forecast.metrics"],
    "gate": ["gate.metrics"],
    "alerts": ["alerts.metrics", "alerts.delivery.metrics"],
    "api-gateway": ["api_gateway.metrics"],
    "Every consumer": ["common.runtime.metrics"],
    "Every service": [
        "common.http.connections",
        "common.kafka.tolerant_records",
        "common.runtime.lives",
    ],
}
APPLICATIONS = ("ingest", "burnrate", "forecast", "gate", "alerts", "api_gateway")
ROW = re.compile(r"\| `(burnline_\w+)` \| (\w+) \| ([\w, ]*?) ?\| .+ \|")
NAME = re.compile(r"burnline_[a-z0-9_]+")
Told = dict[str, tuple[str, tuple[str, ...]]]


def of_modules(names: Iterable[str]) -> Told:
    """Return kind and labels of every metric that the modules define, by its name on /metrics."""
    found: Told = {}
    for value in (v for name in names for v in vars(import_module(name)).values()):
        if isinstance(value, MetricWrapperBase):
            kind = str(value._type)
            name = f"{value._name}_total" if kind == "counter" else value._name
            found[name] = (kind, tuple(value._labelnames))
    return found


def of_families(families: Iterable[Any]) -> Told:
    return {f.name: (f.type, tuple(f._labelnames)) for f in families}


def exported() -> dict[str, Told]:
    """Return what is exported by section of the document."""
    found = {title: of_modules(names) for title, names in SECTIONS.items()}
    found["Every consumer"] |= of_families(common.ledger.metrics.CONSUMER.describe())
    found["The SLOs themselves"] = of_families(PROCESS.describe())
    return found


def documented() -> dict[str, Told]:
    found: dict[str, Told] = {}
    for section in (ROOT / "docs/metrics.md").read_text().split("\n## ")[1:]:
        rows = ROW.findall(section)
        if rows:
            found[section.partition("\n")[0]] = {
                name: (kind, tuple(labels.split(", ")) if labels else ())
                for name, kind, labels in rows
            }
    return found


def test_the_document_has_every_metric_and_no_other() -> None:
    assert documented() == exported()


def test_no_module_of_an_application_exports_what_is_not_in_the_document() -> None:
    for name in APPLICATIONS:
        import_module(f"{name}.app")
    names = {name for name in REGISTRY._names_to_collectors if name.startswith("burnline_")}
    told = {series for section in documented().values() for series in section}
    bases = {series.removesuffix("_total") for series in told}
    suffixes = ("_total", "_created", "_bucket", "_count", "_sum")
    unknown = {n for n in names if n not in bases and not any(
        n == base + suffix for base in bases for suffix in suffixes)}  # fmt: skip
    assert unknown == set()
    assert len(names) > 40


@pytest.mark.parametrize("section", SECTIONS)
def test_every_module_of_a_section_defines_metrics(section: str) -> None:
    assert all(of_modules([name]) for name in SECTIONS[section])


def series() -> set[str]:
    """Return every series name that /metrics can have."""
    names = set()
    for told in exported().values():
        for name, (kind, _) in told.items():
            names |= {name} if kind != "histogram" else {f"{name}_bucket", f"{name}_count"}
    return names


def rules() -> list[dict[str, Any]]:
    content = yaml.safe_load((ROOT / "deploy/prometheus/rules.yml").read_text())
    return [rule for group in content["groups"] for rule in group["rules"]]


def dashboard() -> dict[str, Any]:
    content: dict[str, Any] = json.loads(
        (ROOT / "deploy/grafana/dashboards/burnline.json").read_text()
    )
    return content


def expressions() -> Iterator[str]:
    yield from (rule["expr"] for rule in rules())
    for panel in dashboard()["panels"]:
        yield from (target["expr"] for target in panel.get("targets", ()))
    for variable in dashboard()["templating"]["list"]:
        if variable["type"] == "query":
            yield variable["query"]["query"]


def test_rules_and_dashboard_name_only_what_is_exported() -> None:
    named = {name for text in expressions() for name in NAME.findall(text)}
    assert len(named) > 20
    assert named - series() == set()


def test_rules_and_dashboard_use_only_labels_that_the_metrics_have() -> None:
    of_prometheus = {"job", "instance", "le"}
    labels = {label for told in exported().values() for _, own in told.values() for label in own}
    named = set()
    for text in expressions():
        for group in re.findall(r"by \(([^)]*)\)", text) + re.findall(r"\{([^}]*)\}", text):
            named |= set(re.findall(r"[a-z_]+(?=\s*(?:,|$|=|!))", re.sub(r'"[^"]*"', "", group)))
    assert named
    assert named <= labels | of_prometheus


def test_every_alert_is_explained() -> None:
    text = (ROOT / "docs/metrics.md").read_text()
    explained = re.findall(r"\| `(Burnline\w+)` \|", text)
    assert sorted(explained) == sorted(rule["alert"] for rule in rules())
    for rule in rules():
        assert rule["labels"]["severity"] in {"page", "ticket"}
        assert {"summary", "description"} <= rule["annotations"].keys()


def test_every_alert_is_tried_when_it_should_and_should_not_fire() -> None:
    content = yaml.safe_load((ROOT / "deploy/prometheus/rules.test.yml").read_text())
    tried = [
        (check["alertname"], bool(check["exp_alerts"]))
        for test in content["tests"][:2]
        for check in test["alert_rule_test"]
    ]
    assert set(tried) == {(rule["alert"], fires) for rule in rules() for fires in (True, False)}


def test_panels_have_places_of_their_own() -> None:
    taken: set[tuple[int, int]] = set()
    for panel in dashboard()["panels"]:
        at = panel["gridPos"]
        cells = {
            (x, y)
            for x in range(at["x"], at["x"] + at["w"])
            for y in range(at["y"], at["y"] + at["h"])
        }
        assert not cells & taken, panel["title"]
        assert all(x < 24 for x, _ in cells)
        taken |= cells
    ids = [panel["id"] for panel in dashboard()["panels"]]
    assert len(ids) == len({*ids})


@pytest.mark.parametrize(("kind", "suffix"), [(Counter, "_total"), (Histogram, "_seconds")])
def test_names_say_their_unit(kind: type[Any], suffix: str) -> None:
    word = kind.__name__.lower()
    names = [n for told in exported().values() for n, (k, _) in told.items() if k == word]
    assert names
    assert all(name.endswith(suffix) for name in names)
