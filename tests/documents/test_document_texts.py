"""What the documents name is there: files, headings, topics, settings, endpoints, examples."""

import json
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any, Final

import jsonschema
import pytest

from api_gateway.app import create_app
from api_gateway.settings import GatewaySettings
from burnline.localstack.places import project_root
from common.kafka.topics import TOPICS
from tests.support.compose_file import offered
from tests.support.shell_blocks import DOCUMENTS, blocks

ROOT: Final = project_root()
TEXTS: Final = [ROOT / "README.md", *sorted(DOCUMENTS.glob("*.md"))]
LINK: Final = re.compile(r"\]\(([^)\s]+)\)")
ENDPOINT: Final = re.compile(r"`(GET|POST|PUT|PATCH|DELETE) (/api[^`?]*)`")
TOPIC: Final = re.compile(r"slo\.[a-z]+\.v\d+(?:\.dlq)?")
SETTING: Final = re.compile(
    r"`((?:BURNLINE|BURNRATE|FORECAST|GATE|ALERTS|EVENT|KAFKA|DATABASE)_[A-Z_]+)`"
)
# of the command line and the local stack, not of the services
ELSEWHERE: Final = {
    "BURNLINE_URL",
    "BURNLINE_INGEST_URL",
    "BURNLINE_DATA_DIR",
    "BURNLINE_INSTANCE_ID",  # settled by compose and the manifests
}
PROMISED: Final = """
    GET /api/services
    GET /api/services/{name}
    POST /api/services
    PUT /api/services/{name}
    DELETE /api/services/{name}
    GET /api/slo/{service_name}
    GET /api/slo/{service_name}/targets
    POST /api/slo/{service_name}/targets
    PUT /api/slo/targets/{id}
    GET /api/burn
    GET /api/burn/{service_name}
    POST /api/burn/compute
    GET /api/forecast/{service_name}
    GET /api/release/{service_name}
    POST /api/release/{service_name}/override
    GET /api/summary
    GET /api/summary/{service_name}
    GET /api/summary/heatmap
    GET /api/alerts
    GET /api/alerts/{service_name}
    PATCH /api/alerts/{id}/acknowledge
"""


def anchors(path: Path) -> set[str]:
    """Return the anchors that a document's headings make."""
    headings = re.findall(r"(?m)^#+ (.+)$", path.read_text())
    return {re.sub(r"[^\w\- ]", "", heading).lower().replace(" ", "-") for heading in headings}


def links(path: Path) -> Iterator[tuple[str, str]]:
    for target in LINK.findall(path.read_text()):
        if "://" not in target:
            file, _, anchor = target.partition("#")
            yield file, anchor


@pytest.mark.parametrize("path", TEXTS, ids=lambda p: p.name)
def test_every_link_leads_somewhere(path: Path) -> None:
    for file, anchor in links(path):
        target = path.parent / file if file else path
        assert target.exists(), file
        assert not anchor or anchor in anchors(target), f"{file}#{anchor}"


@pytest.mark.parametrize("path", TEXTS, ids=lambda p: p.name)
def test_topics_and_settings_that_are_named_exist(path: Path) -> None:
    text = path.read_text()
    assert set(TOPIC.findall(text)) <= {topic.name for topic in TOPICS}
    assert set(SETTING.findall(text)) <= offered().keys() | ELSEWHERE


def test_every_topic_is_explained() -> None:
    named = set(TOPIC.findall((DOCUMENTS / "events.md").read_text()))
    assert named == {topic.name for topic in TOPICS}


def test_the_endpoints_that_are_named_exist_and_those_that_are_promised_are_named() -> None:
    text = (DOCUMENTS / "rest.md").read_text()
    named = set(ENDPOINT.findall(text))
    paths = create_app(
        GatewaySettings(DATABASE_URL="postgresql://nobody@127.0.0.1/none")
    ).openapi()["paths"]
    there = {(method.upper(), path) for path, item in paths.items() for method in item}
    assert named <= there
    promised = {(m, p) for m, p in (line.split() for line in PROMISED.strip().splitlines())}
    assert promised <= named


@pytest.mark.parametrize("example", blocks(DOCUMENTS / "events.md", "json"))
def test_the_examples_of_events_fit_their_schemas(example: str) -> None:
    event: dict[str, Any] = json.loads(example)
    kind = "change_event" if "kind" in event else "metric_event"
    schema = json.loads((ROOT / f"libs/common/schemas/{kind}.schema.json").read_text())
    jsonschema.Draft202012Validator(schema).validate(event)
    assert event.keys() <= schema_of(schema, kind)["properties"].keys()


def schema_of(schema: dict[str, Any], kind: str) -> dict[str, Any]:
    """Return the event's own part of its schema."""
    name = "".join(word.capitalize() for word in kind.split("_"))
    found: dict[str, Any] = schema.get("$defs", {}).get(name, schema)
    return found


def test_decision_records_are_numbered_without_gaps_and_dated() -> None:
    records = sorted((DOCUMENTS / "decisions").glob("*.md"))
    assert [int(path.name[:4]) for path in records] == list(range(1, len(records) + 1))
    for number, path in enumerate(records, 1):
        title, _, date = path.read_text().splitlines()[:3]
        assert title.startswith(f"# {number}. "), path.name
        assert re.fullmatch(r"Date: \d{4}-\d\d-\d\d(, written down \d{4}-\d\d-\d\d)?", date)


@pytest.mark.parametrize(
    "readme", sorted(ROOT.glob("services/*/README.md")), ids=lambda path: path.parent.name
)
def test_modules_that_a_services_readme_names_are_there(readme: Path) -> None:
    [package] = [init.parent for init in readme.parent.glob("*/__init__.py")]
    named = set(re.findall(r"`([\w/]+\.py)`", readme.read_text()))
    for name in named:
        folders = (
            package,
            ROOT,
            ROOT / "libs/common",
            *(f for f in package.iterdir() if f.is_dir()),
        )
        assert any((folder / name).exists() for folder in folders), name


def test_an_event_is_followed_through_modules_by_their_names() -> None:
    text = (
        (ROOT / "README.md")
        .read_text()
        .partition("## Follow one event")[2]
        .partition("What is claimed")[0]
    )
    named = re.findall(r"\[`(\w+/[\w/.]+)`\]\(([^)]+)\)", text)
    assert len(named) > 10
    assert [name for name, path in named if not path.endswith(f"/{name}")] == []
