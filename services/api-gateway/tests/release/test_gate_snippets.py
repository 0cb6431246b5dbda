"""The pipelines of docs/gate.md: each fits its system's schema and does what it says, live."""

from collections.abc import AsyncIterator
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import httpx
import jsonschema
import pytest
import pytest_asyncio
import yaml
from fastapi import FastAPI, Request

from common.admission.change_events import parse_change_event
from tests.support.burn_events import NOW
from tests.support.gateway.decisions import decided, verdict
from tests.support.gateway.fixtures import live
from tests.support.gateway.harness import TOKEN, GatewayHarness
from tests.support.shell_blocks import DOCUMENTS, bash, blocks

pytestmark = pytest.mark.slow

BLOCKS = [yaml.safe_load(block) for block in blocks(DOCUMENTS / "gate.md", "yaml")]
GITHUB, CURL_STEPS, GITLAB, TEMPLATE, ROLLOUT, CANARY = BLOCKS
ANY_STATE = [
    ("ALLOW", True),
    ("WARN", True),
    ("BLOCK", False),
    ("UNKNOWN", False),
    ("UNKNOWN", True),
]


def closed(required: dict[str, Any], **optional: Any) -> dict[str, Any]:
    """Return the schema of an object that has these fields and no other."""
    return {
        "type": "object",
        "properties": required | optional,
        "required": [*required],
        "additionalProperties": False,
    }


def items(schema: Any) -> dict[str, Any]:
    return {"type": "array", "minItems": 1, "items": schema}


TEXT = {"type": "string"}
NUMBER = {"type": "integer"}
TEXTS = {"type": "object", "additionalProperties": TEXT}
DURATION = {"type": "string", "pattern": r"^\d+(ms|s|m|h)$"}
METADATA = closed({"name": TEXT}, namespace=TEXT)

# The part of each system's schema that concerns what is used, from its published fields.
STEP = closed(
    {"run": TEXT}, name=TEXT, id=TEXT, env=TEXTS, **{"timeout-minutes": {"type": "number"}}
)
WORKFLOW = closed(
    {
        "name": TEXT,
        "on": {"type": "object"},
        "jobs": {
            "type": "object",
            "additionalProperties": closed({"runs-on": TEXT, "steps": items(STEP)}, env=TEXTS),
        },
    }
)
GITLAB_JOB = closed(
    {"script": items(TEXT)},
    stage=TEXT,
    allow_failure={"anyOf": [{"type": "boolean"}, closed({"exit_codes": items(NUMBER)})]},
    rules=items(closed({}, **{"if": TEXT})),
)
WEB = closed(
    {"url": TEXT},
    method={"enum": ["GET", "POST", "PUT"]},
    timeoutSeconds=NUMBER,
    jsonPath=TEXT,
    headers=items(closed({"key": TEXT, "value": TEXT})),
)
METRIC = closed(
    {"name": TEXT, "provider": closed({"web": WEB})},
    successCondition=TEXT,
    failureCondition=TEXT,
    interval=DURATION,
    count=NUMBER,
    consecutiveErrorLimit=NUMBER,
    failureLimit=NUMBER,
    inconclusiveLimit=NUMBER,
)
ARGO_TEMPLATE = closed(
    {
        "apiVersion": {"const": "argoproj.io/v1alpha1"},
        "kind": {"const": "AnalysisTemplate"},
        "metadata": METADATA,
        "spec": closed({"metrics": items(METRIC)}, args=items(closed({"name": TEXT}, value=TEXT))),
    }
)
FIELD = closed({"fieldRef": closed({"fieldPath": TEXT})})
ANALYSIS = closed(
    {"templates": items(closed({"templateName": TEXT}))},
    args=items(closed({"name": TEXT}, value=TEXT, valueFrom=FIELD)),
)
CANARY_STEP = {
    "oneOf": [
        closed({"analysis": ANALYSIS}),
        closed({"setWeight": NUMBER}),
        closed({"pause": closed({}, duration=DURATION)}),
    ]
}
ARGO_ROLLOUT = closed(
    {
        "apiVersion": {"const": "argoproj.io/v1alpha1"},
        "kind": {"const": "Rollout"},
        "metadata": METADATA,
        "spec": closed(
            {
                "selector": {"type": "object"},
                "template": {"type": "object"},
                "strategy": closed({"canary": closed({"steps": items(CANARY_STEP)})}),
            }
        ),
    }
)
HOOK_TYPES = [
    "confirm-rollout",
    "pre-rollout",
    "rollout",
    "confirm-promotion",
    "post-rollout",
    "event",
    "rollback",
    "confirm-traffic-increase",
]
WEBHOOK = closed(
    {"name": TEXT, "url": {"type": "string", "format": "uri"}},
    type={"enum": HOOK_TYPES},
    timeout={"type": "string", "pattern": r"^[0-9]+(m|s)"},
    retries={"type": "number"},
    muteAlert={"type": "boolean"},
    disableTLS={"type": "boolean"},
    metadata=TEXTS,
)
FLAGGER = closed(
    {
        "apiVersion": {"const": "flagger.app/v1beta1"},
        "kind": {"const": "Canary"},
        "metadata": METADATA,
        "spec": closed(
            {
                "targetRef": closed({"apiVersion": TEXT, "kind": TEXT, "name": TEXT}),
                "analysis": closed(
                    {"webhooks": items(WEBHOOK)},
                    interval={"type": "string", "pattern": r"^[0-9]+(m|s)"},
                    threshold={"type": "number"},
                    maxWeight={"type": "number"},
                    stepWeight={"type": "number"},
                ),
            },
            service=closed({"port": {"type": "number"}}),
        ),
    }
)


@pytest.mark.parametrize(
    ("content", "schema"),
    [
        # YAML 1.1 reads the key `on` as true
        ({("on" if k is True else k): v for k, v in GITHUB.items()}, WORKFLOW),
        (CURL_STEPS, items(STEP)),
        ({"jobs": GITLAB}, closed({"jobs": {"additionalProperties": GITLAB_JOB}})),
        (TEMPLATE, ARGO_TEMPLATE),
        (ROLLOUT, ARGO_ROLLOUT),
        (CANARY, FLAGGER),
    ],
    ids=["github", "curl", "gitlab", "analysis-template", "rollout", "canary"],
)
def test_every_manifest_fits_its_schema(content: Any, schema: Any) -> None:
    validator = jsonschema.Draft202012Validator(schema, format_checker=jsonschema.FormatChecker())
    validator.validate(content)


def test_the_rollout_uses_the_template_with_all_its_arguments() -> None:
    analysis = ROLLOUT["spec"]["strategy"]["canary"]["steps"][0]["analysis"]
    assert analysis["templates"] == [{"templateName": TEMPLATE["metadata"]["name"]}]
    wanted = {argument["name"] for argument in TEMPLATE["spec"]["args"]}
    assert {argument["name"] for argument in analysis["args"]} == wanted
    path = analysis["args"][1]["valueFrom"]["fieldRef"]["fieldPath"]
    label = path.removeprefix("spec.template.metadata.labels['").removesuffix("']")
    assert label in ROLLOUT["spec"]["template"]["metadata"]["labels"]


@pytest_asyncio.fixture(loop_scope="session")
async def gate(gateway: GatewayHarness) -> AsyncIterator[tuple[GatewayHarness, str]]:
    """The gateway behind a port, with a service."""
    await gateway.service()
    async with live(gateway.app) as url:
        yield gateway, url


async def answer_with(gateway: GatewayHarness, decision: Any, *, allowed: bool) -> None:
    shown = verdict(decision, allowed=allowed)
    await gateway.feed(decided("checkout", verdicts=(shown,)))


@pytest.mark.parametrize(("decision", "allowed"), ANY_STATE)
async def test_the_workflow_of_github_goes_on_where_it_may(
    gate: tuple[GatewayHarness, str], tmp_path: Path, decision: str, allowed: Any
) -> None:
    gateway, url = gate
    await answer_with(gateway, decision, allowed=allowed)
    [step] = [s for s in GITHUB["jobs"]["deploy"]["steps"] if s.get("id") == "gate"]
    outputs = tmp_path / "outputs"
    status, printed = await bash(
        step["run"].replace("--wait 15m", "--wait 0s"),
        BURNLINE_URL=url,
        BURNLINE_API_TOKEN=TOKEN,
        GITHUB_REF_NAME="v1.42.1",
        GITHUB_OUTPUT=str(outputs),
    )
    assert (status == 0) is allowed, printed
    assert f"::{'notice' if decision == 'ALLOW' else 'warning' if allowed else 'error'}" in printed
    assert f"decision={decision}" in outputs.read_text()


@pytest.mark.parametrize(
    ("decision", "allowed", "status"),
    [("ALLOW", True, 0), ("WARN", True, 4), ("BLOCK", False, 3), ("UNKNOWN", False, 5)],
)
async def test_the_job_of_gitlab_is_orange_at_a_warning_and_red_at_a_block(
    gate: tuple[GatewayHarness, str], decision: str, allowed: Any, status: int
) -> None:
    gateway, url = gate
    await answer_with(gateway, decision, allowed=allowed)
    job = GITLAB["release-gate"]
    script = "\n".join(job["script"]).replace("--wait 15m", "--wait 0s")
    found, printed = await bash(script, BURNLINE_URL=url, CI_COMMIT_TAG="1.42.1")
    assert found == status, printed
    assert (found in job["allow_failure"]["exit_codes"]) is (decision == "WARN")


@pytest.mark.parametrize(("decision", "allowed"), ANY_STATE)
async def test_the_status_alone_is_enough_for_curl(
    gate: tuple[GatewayHarness, str], decision: str, allowed: Any
) -> None:
    gateway, url = gate
    await answer_with(gateway, decision, allowed=allowed)
    status, printed = await bash(CURL_STEPS[0]["run"], BURNLINE_URL=url)
    assert (status == 0) is allowed, printed
    assert f'"decision":"{decision}"' in printed


@pytest.mark.parametrize(
    ("decision", "allowed", "phase"),
    [
        ("ALLOW", True, "Successful"),
        ("WARN", True, "Successful"),
        ("BLOCK", False, "Failed"),
        ("UNKNOWN", False, "Inconclusive"),
        ("UNKNOWN", True, "Successful"),
    ],
)
async def test_the_metric_of_argo_pauses_where_the_gate_does_not_know(
    gate: tuple[GatewayHarness, str], decision: str, allowed: Any, phase: str
) -> None:
    gateway, url = gate
    await answer_with(gateway, decision, allowed=allowed)
    [metric] = TEMPLATE["spec"]["metrics"]
    web = metric["provider"]["web"]
    assert web["jsonPath"] == "{$}"
    address = web["url"].replace("http://burnline:8000", url)
    for name, value in {"service": "checkout", "version": "1.42.1"}.items():
        address = address.replace(f"{{{{args.{name}}}}}", value)
    async with httpx.AsyncClient(trust_env=False) as client:
        response = await client.request(web["method"], address)
    assert response.status_code == 200
    result = SimpleNamespace(**response.json())

    def holds(condition: str) -> bool:
        # fields, comparisons and texts are written alike in the language of Argo and in Python
        return bool(eval(condition, {}, {"result": result}))

    success, failure = holds(metric["successCondition"]), holds(metric["failureCondition"])
    found = "Failed" if failure else "Successful" if success else "Inconclusive"
    assert found == phase


@pytest.mark.parametrize(("decision", "allowed"), ANY_STATE)
async def test_the_hook_of_flagger_halts_where_it_must(
    gate: tuple[GatewayHarness, str], decision: str, allowed: Any
) -> None:
    gateway, url = gate
    await answer_with(gateway, decision, allowed=allowed)
    [hook] = CANARY["spec"]["analysis"]["webhooks"]
    token = TOKEN.replace(" ", "%20")
    address = hook["url"].replace("TOKEN", token).replace("burnline:8000", url[len("http://") :])
    payload = {"name": "checkout", "namespace": "shop", "phase": "Progressing", "metadata": {}}
    # as Go's client: what stands before the `@` is sent as basic authentication
    async with httpx.AsyncClient(trust_env=False) as client:
        response = await client.post(address, json=payload)
    assert response.status_code == (200 if allowed else 403 if decision == "BLOCK" else 503)
    async with httpx.AsyncClient(trust_env=False) as client:
        wrong = await client.post(address.replace(token, "guess"), json=payload)
    assert wrong.status_code == 401


async def test_the_workflow_tells_of_the_deployment() -> None:
    taken: list[tuple[str, bytes]] = []
    app = FastAPI()

    @app.post("/v1/changes", status_code=202)
    async def changes(request: Request) -> dict[str, int]:
        taken.append((request.headers["Authorization"], await request.body()))
        return {"accepted": 1}

    [step] = [s for s in GITHUB["jobs"]["deploy"]["steps"] if "v1/changes" in s["run"]]
    async with live(app) as url:
        status, printed = await bash(
            step["run"],
            BURNLINE_INGEST_URL=url,
            BURNLINE_API_TOKEN="secret",
            GITHUB_REF_NAME="v1.42.1",
            GITHUB_ACTOR="ana",
            GITHUB_RUN_ID="8812",
            GITHUB_RUN_ATTEMPT="1",
        )
    assert status == 0, printed
    [(authorization, body)] = taken
    assert authorization == "Bearer secret"
    event = parse_change_event(body, forbid_unknown=True)
    assert (event.service, event.kind, event.version) == ("checkout", "deploy", "v1.42.1")
    assert event.event_id == "8812-1"
    assert event.at > NOW
