"""Files of other tools: what each becomes, what is said of it, and what is refused and how."""

import copy
from collections.abc import Iterator
from pathlib import Path
from typing import Any, Final

import jsonschema
import pytest
import yaml

from common.documents.lint import documents, lint
from common.documents.model import as_data, json_schema
from common.documents.outcome import Linted
from common.documents.reader import Source, read
from common.documents.sloth_plugins import PLUGINS
from common.documents.writer import as_yaml

FILES: Final = sorted((Path(__file__).parent / "files").glob("*.yaml"))
SLOTH, CRD, PYRRA, OPENSLO, OWN = (
    (Path(__file__).parent / "files" / f"{name}.yaml").read_text()
    for name in ("sloth-plain", "sloth-kubernetes", "pyrra", "openslo", "own")
)


def taken(text: str) -> list[Linted]:
    found = lint([("f.yaml", text)])
    assert [entry for entry in found if entry.code] == []
    return found


def by_name(text: str) -> dict[tuple[str, str], Any]:
    found = documents(taken(text))
    return {(d.kind, d.metadata.name): as_data(d)["spec"] for d in found if "spec" in as_data(d)}


def selectors(terms: Any) -> list[str]:
    return [term["selector"] for term in terms]


def codes(text: str) -> set[str]:
    return {note.code for entry in taken(text) for note in entry.notes}


@pytest.mark.parametrize("file", FILES, ids=lambda file: file.stem)
def test_what_is_imported_is_a_fixed_point(file: Path) -> None:
    written = as_yaml(documents(taken(file.read_text())))
    again = lint([("again.yaml", written)])
    assert {entry.verdict for entry in again} == {"imported"}
    assert as_yaml(documents(again)) == written


def leaves(value: Any, way: tuple[Any, ...] = ()) -> Iterator[tuple[Any, ...]]:
    if isinstance(value, dict | list) and value:
        items = value.items() if isinstance(value, dict) else enumerate(value)
        for key, item in items:
            yield from leaves(item, (*way, key))
    else:
        yield way


def with_leaf(value: Any, way: tuple[Any, ...], leaf: Any) -> Any:
    found = copy.deepcopy(value)
    at = found
    for key in way[:-1]:
        at = at[key]
    at[way[-1]] = leaf
    return found


def written_path(way: tuple[Any, ...]) -> str:
    return "".join(f"[{k}]" if isinstance(k, int) else f".{k}" for k in way).removeprefix(".")


@pytest.mark.parametrize("file", FILES, ids=lambda file: file.stem)
def test_every_field_of_an_accepted_file_is_used_noted_or_refused(file: Path) -> None:
    sources = [source for source in read(file.read_text()) if isinstance(source, Source)]
    before = taken(file.read_text())
    whole = as_yaml(documents(before))
    looked_at = 0
    for index, source in enumerate(sources):
        for way in leaves(source.value):
            changed = [s.value for s in sources]
            changed[index] = with_leaf(source.value, way, "7.25")
            after = lint([("f.yaml", yaml.safe_dump_all(changed))])
            is_used = as_yaml(documents(after)) != whole or after[index].code
            path = written_path(way)
            # a note without a path is of the whole document, but for the window that it has not
            is_noted = any(
                path.startswith(note.path) and note.code != "window_assumed"
                for note in before[index].notes
            )
            others = any(entry.code for entry in after)
            assert is_used or is_noted or others, (source.number, path)
            looked_at += 1
    assert looked_at > 20


@pytest.mark.parametrize("file", FILES, ids=lambda file: file.stem)
def test_a_field_that_no_format_knows_is_refused_wherever_it_stands(file: Path) -> None:
    free = ("labels", "annotations", "options", "connectionDetails", "status", "page", "ticket",
            "conditionRef", "notificationTargets")  # fmt: skip
    sources = [source for source in read(file.read_text()) if isinstance(source, Source)]
    for index, source in enumerate(sources):
        ways = {way[:n] for way in leaves(source.value) for n in range(len(way))}
        for way in ways:
            at: Any = source.value
            for key in way:
                at = at[key]
            is_left_out = "alertPolicies" in way and "metadata" in way
            if not isinstance(at, dict) or is_left_out or any(key in free for key in way):
                continue
            changed = [s.value for s in sources]
            changed[index] = with_leaf(source.value, (*way, "unheardOf"), "x")
            entry = lint([("f.yaml", yaml.safe_dump_all(changed))])[index]
            assert entry.code == "unknown_field", (source.number, way)
            assert entry.path.endswith("unheardOf")


def test_sloths_queries_become_counters_of_all_and_of_bad_or_good_events() -> None:
    found = by_name(SLOTH)
    served = found["Indicator", "served"]["source"]["counters"]
    assert selectors(served["total"]) == ['orders_total{job="shop"}']
    assert selectors(served["bad"]) == ['orders_total{job="shop",code=~"5.."}']
    fast = found["Indicator", "fast"]["source"]["counters"]
    assert selectors(fast["good"]) == ['orders_seconds_bucket{job="shop",le="0.5"}']
    raw = found["Indicator", "raw"]["source"]["counters"]
    assert (selectors(raw["good"]), selectors(raw["total"])) == (
        ["orders_ok_total"], ["orders_total"],
    )  # fmt: skip
    assert found["Indicator", "queue"]["source"]["queries"] == {
        "bad_ratio": "avg(avg_over_time(queue_full[1m]))"
    }
    assert found["SLO", "queue"]["budgeting"]["method"] == "ratio_timeslices"
    assert str(found["SLO", "served"]["objective"]) == "0.9995"


def test_labels_keep_the_text_that_was_written() -> None:
    slos = [d for d in documents(taken(SLOTH)) if d.kind == "SLO"]
    assert slos[0].metadata.labels["release"] == "2026.10"
    assert slos[0].metadata.annotations == {"path": "team/web"}


def test_sloths_plugins_are_a_table_of_what_they_count() -> None:
    found = by_name(CRD)
    answers = found["Indicator", "answers"]["source"]["counters"]
    assert selectors(answers["bad"]) == [
        'http_request_duration_seconds_count{zone="a",job="shop",code=~"(5..|429)"}'
    ]
    reads = found["Indicator", "reads"]["source"]["counters"]
    assert selectors(reads["good"]) == [
        'apiserver_request_duration_seconds_bucket{verb="GET",verb!="WATCH",le="0.5"}'
    ]
    pages = found["Indicator", "pages"]["source"]["counters"]
    assert selectors(pages["total"]) == [
        'traefik_service_request_duration_seconds_count{service=~"shop@.*",code!~"5.."}'
    ]


@pytest.mark.parametrize("name", PLUGINS)
def test_every_plugin_of_the_table_counts_events_and_a_part_of_them(name: str) -> None:
    values = {"bucket": "0.5", "filter": 'zone="a"'}
    options = {key: values.get(key, "shop") for key in PLUGINS[name].required}
    plugin = {"id": name, "options": options | {"filter": 'zone="a"'}}
    slo = {"name": "it", "objective": "99", "sli": {"plugin": plugin}}
    labels = {"owner": "us", "tier": "1"}
    text = yaml.safe_dump(
        {"version": "prometheus/v1", "service": "shop", "labels": labels, "slos": [slo]}
    )
    counters = by_name(text)["Indicator", "it"]["source"]["counters"]
    side = PLUGINS[name].side
    [total], [part] = selectors(counters["total"]), selectors(counters[side])
    assert 'zone="a"' in total
    is_other_metric = total.partition("{")[0] != part.partition("{")[0]
    assert is_other_metric or part.startswith(total.removesuffix("}"))


def test_a_plugin_may_leave_errors_out_and_refuses_what_is_no_truth() -> None:
    strange = CRD.replace('exclude_errors: "true"', "exclude_errors: maybe")
    found = [entry for entry in lint([("f.yaml", strange)]) if entry.code]
    assert found[0].path == "spec.slos[3].sli.plugin.options.exclude_errors"


@pytest.mark.parametrize("file", FILES, ids=lambda file: file.stem)
def test_what_is_written_fits_the_published_schema(file: Path) -> None:
    validator = jsonschema.Draft202012Validator(json_schema())
    written = list(yaml.safe_load_all(as_yaml(documents(taken(file.read_text())))))
    assert written
    for document in written:
        validator.validate(document)
    assert not validator.is_valid({**written[0], "unheardOf": 1})


def test_pyrras_four_indicators() -> None:
    found = by_name(PYRRA)
    assert found["SLO", "orders-errors"]["window"] == {"rolling_hours": 24}
    assert found["Indicator", "orders-errors"]["source"]["group_by"] == ("region",)
    latency = found["Indicator", "orders-latency"]["source"]["histogram"]
    assert (str(latency["le"]), latency["unit"]) == ("2.5E+2", "milliseconds")
    assert latency["buckets"] == 'orders_milliseconds_bucket{code!~"5.."}'
    native = found["Indicator", "orders-native"]["source"]["native_histogram"]
    assert str(native["threshold_seconds"]) == "1.25"
    assert found["SLO", "orders-probe"]["budgeting"]["method"] == "timeslices"
    assert codes(PYRRA) == {
        "groups_together", "alerting_left_out", "success_is_narrower", "accuracy_kept",
        "read_as_slices",
    }  # fmt: skip


def test_openslos_references_windows_and_slices() -> None:
    found = by_name(OPENSLO)
    assert selectors(found["Indicator", "orders"]["source"]["counters"]["bad"]) == [
        'orders_total{code=~"5.."}'
    ]
    strict, mild = (found["SLO", f"orders-served-{name}"] for name in ("strict", "mild"))
    assert (str(strict["objective"]), str(mild["objective"])) == ("0.999", "0.99")
    queue = found["SLO", "queue"]
    assert queue["window"] == {"calendar": "month", "time_zone": "Europe/Berlin"}
    assert queue["budgeting"]["slice_seconds"] == 300
    assert found["Indicator", "queue-length"]["source"]["queries"]["value"] == "max(queue_length)"
    assert found["SLO", "raw"]["window"] == {"rolling_hours": 720}
    assert found["Service", "shop"] == {"description": "Sells things."}
    assert selectors(found["Indicator", "old"]["source"]["counters"]["good"]) == ["ok_total"]


SERVED: Final = 'sum(rate(orders_total{job="shop",code=~"5.."}[{{.window}}])) or vector(0)'


@pytest.mark.parametrize(
    ("text", "old", "new", "code", "path"),
    [
        (SLOTH, "objective: 99.95", "objective: 100", "target_out_of_range", "slos[0].objective"),
        (SLOTH, "objective: 99.95", "objective: 0", "target_out_of_range", "slos[0].objective"),
        (SLOTH, "objective: 99.95", "objective: high", "invalid_value", "slos[0].objective"),
        (SLOTH, "objective: 99.95", "objectiv: 99", "invalid_value", "slos[0].objective"),
        (SLOTH, "name: fast", "name: served", "duplicate", "metadata.name"),
        (SLOTH, SERVED, "histogram_quantile(0.9, rate(x_bucket[{{.window}}]))", "not_countable",
         "slos[0].sli.events.error_query"),
        (SLOTH, SERVED, "sum(rate(x_total[5m])", "invalid_query", "slos[0].sli.events.error_query"),
        (SLOTH, SERVED, "sum(rate(x_total[{{.window}}] keep_metric_names)) default 0", "metricsql",
         "slos[0].sli.events.error_query"),
        (SLOTH, SERVED, "sum(rate(x_total[{{.range}}]))", "template",
         "slos[0].sli.events.error_query"),
        (SLOTH, "description: Orders", "plugins: {chain: [{id: x}]}\n    description: Orders",
         "plugin_chain", "slos[0].plugins"),
        (SLOTH, "disable: true", "disable: yes", "invalid_value",
         "slos[0].alerting.ticket_alert.disable"),
        (CRD, "pageAlert", "page_alert", "unknown_field", "spec.slos[0].alerting.page_alert"),
        (CRD, "id: getting_started_availability", "id: ours/own", "plugin_unknown",
         "spec.slos[0].sli.plugin.id"),
        (CRD, "{job: shop, filter", "{filter", "missing", "spec.slos[0].sli.plugin.options.job"),
        (PYRRA, 'target: "99.5"', 'target: "100"', "target_out_of_range", "spec.target"),
        (PYRRA, "window: 1d", "window: 1h", "window_unsupported", "spec.window"),
        (PYRRA, "window: 1d", "window: 93d", "window_unsupported", "spec.window"),
        (PYRRA, "metric: 'orders_total{code=~\"5..\"}'", "metric: 'sum(orders_total)'",
         "not_a_selector", "spec.indicator.ratio.errors.metric"),
        (PYRRA, ',le="250.0"', "", "invalid_value", "spec.indicator.latency.success.metric"),
        (OPENSLO, "duration: 4w", "duration: 1m", "window_unsupported",
         "spec.timeWindow[0].duration"),
        (OPENSLO, "duration: 4w", "duration: 1Y", "window_too_long", "spec.timeWindow[0].duration"),
        (OPENSLO, "duration: 4w", "duration: 100d", "window_too_long",
         "spec.timeWindow[0].duration"),
        (OPENSLO, "indicatorRef: orders", "indicatorRef: order", "ref_missing",
         "spec.indicatorRef"),
        (OPENSLO, "alertPolicyRef: burning", "alertPolicyRef: freezing", "ref_missing",
         "spec.alertPolicies[0].alertPolicyRef"),
        (OPENSLO, "op: gt,", "op: lte,", "fires_when_low", "spec.condition.op"),
        (OPENSLO, "budgetingMethod: Timeslices", "budgetingMethod: Occurrences",
         "threshold_needs_slices", "spec.objectives[0]"),
        (OPENSLO, "source: prometheus, queryType", "source: datadog, queryType", "foreign_source",
         "spec.objectives[0].ratioMetrics.good.source"),
        (OPENSLO, "apiVersion: openslo/v1\nkind: Service", "apiVersion: openslo/v9\nkind: Service",
         "format_unknown", "apiVersion"),
        (OWN, "objective: 0.9990", "objective: 1", "target_out_of_range", "spec.objective"),
        (OWN, "objective: 0.9990", "objective: high", "invalid_value", "spec.objective"),
        (OWN, "slice_seconds: 300", "slice_seconds: 7", "invalid_value",
         "spec.budgeting.slice_seconds"),
        (OWN, "Europe/Berlin", "Europe/Atlantis", "invalid_value", "spec.window.time_zone"),
        (OWN, "orders_total{}", "sum(orders_total)", "invalid_value",
         "spec.source.counters.total[0].selector"),
        (OWN, "kind: SLO", "kind: Slo", "invalid_value", "kind"),
    ],
)  # fmt: skip
def test_what_cannot_be_taken_is_refused_by_its_path(
    text: str, old: str, new: str, code: str, path: str
) -> None:
    assert old in text
    found = [entry for entry in lint([("f.yaml", text.replace(old, new, 1))]) if entry.code]
    assert (found[0].code, found[0].path) == (code, path), found[0]
    assert found[0].reason
    assert found[0].line


def test_who_misspells_a_field_is_given_its_name() -> None:
    found = lint([("f.yaml", CRD.replace("pageAlert", "page_alert", 1))])
    assert "write pageAlert" in found[0].reason


def test_occurrences_of_a_gauge_are_refused_wherever_it_is_described() -> None:
    slo = OWN.rpartition("---\n")[2].partition("  budgeting")[0]
    gauge = (
        "apiVersion: burnline/v1\nkind: Indicator\nmetadata: {name: orders, service: shop}\n"
        "spec: {source: {gauge: {selector: up, op: gte, threshold: 1}}}\n"
    )
    for files in ([slo, gauge], [gauge, slo]):
        found = lint([(f"{n}.yaml", text) for n, text in enumerate(files)])
        assert {entry.kind: entry.code for entry in found} == {
            "SLO": "threshold_needs_slices", "Indicator": "",
        }  # fmt: skip


def test_a_query_is_asked_over_the_length_of_its_slice() -> None:
    text = OPENSLO.replace("max(queue_length)", "max(max_over_time(queue_length[{{.window}}]))")
    queries = by_name(text)["Indicator", "queue-length"]["source"]["queries"]
    assert queries["value"] == "max(max_over_time(queue_length[5m]))"


def test_what_is_in_a_list_is_noted_by_its_path_in_the_list_refused_or_not() -> None:
    object_ = yaml.safe_load(PYRRA.split("---\n")[0])
    wrong = copy.deepcopy(object_)
    wrong["spec"]["unheardOf"] = "x"
    text = yaml.safe_dump({"apiVersion": "v1", "kind": "List", "items": [object_, wrong]})
    found = lint([("f.yaml", text)])
    assert [entry.code for entry in found] == ["", "unknown_field"]
    for index, entry in enumerate(found):
        assert entry.notes
        assert all(note.path.startswith(f"items[{index}].") for note in entry.notes)


def test_pyrras_documents_may_leave_their_format_out() -> None:
    object_ = yaml.safe_load(PYRRA.split("---\n")[0])
    del object_["apiVersion"]
    [entry] = taken(yaml.safe_dump(object_))
    assert entry.format == "pyrra"


def test_references_lead_across_files() -> None:
    parts = OPENSLO.split("---\n")
    found = lint([(f"{n}.yaml", part) for n, part in enumerate(parts)])
    assert [entry for entry in found if entry.code] == []
    alone = lint([("slo.yaml", parts[3])])
    assert [entry.code for entry in alone] == ["ref_missing"]


def test_what_two_files_say_twice_is_refused_once() -> None:
    found = lint([("a.yaml", SLOTH), ("b.yaml", SLOTH)])
    assert [(entry.file, entry.code) for entry in found] == [
        ("a.yaml", ""),
        ("b.yaml", "duplicate"),
    ]
    assert "a.yaml" in found[1].reason
