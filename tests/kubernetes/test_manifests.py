"""The manifests fit the schemas, agree with the rest of the project, and are locked down."""

import base64
import copy
import json
import shutil
import subprocess
import sys
from collections.abc import Iterator
from functools import cache
from pathlib import Path
from typing import Any, Final

import jsonschema
import kubernetes_validate
import pytest
import yaml

from burnline.localstack.services import SERVICES
from burnrate.work import INPUTS as BURNRATE_INPUTS
from common.config.settings import DatabaseSettings, KafkaSettings, RedisSettings, Settings
from common.kafka.topics import TOPICS
from gate.app import Gate
from tests.support.compose_file import offered, services, variable_of

MANIFESTS: Final = Path(__file__).parents[2] / "deploy" / "kubernetes"
KINDS: Final = json.loads(Path(__file__).with_name("keda.json").read_text())
"""The parts of KEDA's kinds (keda.sh/v1alpha1) that are used, from their published fields."""
Manifest = dict[str, Any]


@cache
def render(folder: str) -> tuple[Manifest, ...]:
    """Return the manifests of a folder below deploy/kubernetes, all of them."""
    command = (*_renderer(), str(MANIFESTS / folder))
    done = subprocess.run(command, capture_output=True, text=True, check=False, timeout=120)
    assert done.returncode == 0, done.stderr
    assert "deprecated" not in done.stderr.lower(), done.stderr
    return tuple(yaml.load_all(done.stdout, Loader=yaml.CSafeLoader))


@cache
def _renderer() -> tuple[str, ...]:
    own = Path(sys.executable).with_name("kustomize")
    found = shutil.which("kustomize") or (str(own) if own.exists() else None)
    if found is not None:
        return found, "build"
    kubectl = shutil.which("kubectl")
    if kubectl is not None:
        return kubectl, "kustomize"
    raise AssertionError("make .venv/bin/kustomize: nothing here renders the manifests")


OLDEST, NEWEST = "1.30", "1.37"
EXAMPLE: Final = render("overlays/example")
BASE: Final = render("base")
PROCESSES: Final = {service.name: service for service in SERVICES}
BY_HTTP: Final = ("ingest", "api-gateway", "dashboard")
UNTIL_CLOSED_SECONDS: Final = 10 + 10  # requests under way, then the group and the database
INPUTS: Final = {"burnrate": set(BURNRATE_INPUTS), "gate": set(Gate.inputs)}


def of_kind(kind: str, manifests: tuple[Manifest, ...] = EXAMPLE) -> dict[str, Manifest]:
    return {m["metadata"]["name"]: m for m in manifests if m["kind"] == kind}


def pods() -> dict[str, Manifest]:
    """Return the pod templates' specs by name."""
    made = {**of_kind("Deployment"), **of_kind("Job")}
    return {name: manifest["spec"]["template"]["spec"] for name, manifest in made.items()}


def containers() -> Iterator[tuple[str, Manifest, Manifest]]:
    for name, pod in pods().items():
        for container in (*pod.get("initContainers", ()), *pod["containers"]):
            yield f"{name}/{container['name']}", pod, container


def settings() -> dict[str, str]:
    found: dict[str, str] = of_kind("ConfigMap")["burnline-settings"]["data"]
    return found


def environment(container: Manifest) -> dict[str, str]:
    own = {entry["name"]: entry.get("value", "") for entry in container.get("env", ())}
    return {**settings(), **own}


DEPLOYMENTS: Final = of_kind("Deployment")
CONTAINERS: Final = [*containers()]
IDS: Final = [name for name, _, _ in CONTAINERS]


@pytest.mark.parametrize("version", [OLDEST, NEWEST])
@pytest.mark.parametrize(
    "manifest", [*BASE, *EXAMPLE], ids=lambda m: f"{m['kind']}-{m['metadata']['name']}"
)
def test_each_manifest_fits_its_schema(manifest: Manifest, version: str) -> None:
    if manifest["kind"] in KINDS:
        jsonschema.Draft202012Validator(KINDS[manifest["kind"]]).validate(manifest)
        return
    kubernetes_validate.validate(manifest, version, strict=True)


def test_a_field_that_is_misspelt_does_not_fit() -> None:
    wrong = copy.deepcopy(DEPLOYMENTS["ingest"])
    wrong["spec"]["template"]["spec"]["terminationGracePeriod"] = 45
    with pytest.raises(kubernetes_validate.ValidationError, match="terminationGracePeriod"):
        kubernetes_validate.validate(wrong, OLDEST, strict=True)


def test_every_process_is_deployed_on_its_port() -> None:
    assert DEPLOYMENTS.keys() == {*PROCESSES, "dashboard"}
    for name, service in PROCESSES.items():
        [container] = pods()[name]["containers"]
        assert container["args"] == ["python", "-m", service.module]
        [port] = container["ports"]
        assert environment(container)[service.port_variable] == str(port["containerPort"])
        [reached] = of_kind("Service")[name]["spec"]["ports"]
        assert (reached["port"], reached["targetPort"]) == (port["containerPort"], port["name"])


@pytest.mark.parametrize("name", [*DEPLOYMENTS])
def test_it_is_the_image_and_the_command_of_compose(name: str) -> None:
    composed, [container] = services()[name], pods()[name]["containers"]
    image = composed["image"].split(":")[0]
    assert container["image"].split(":")[0] == f"registry.example/{image}"
    assert container.get("args") == composed.get("command")
    user = pods()[name]["securityContext"]
    assert composed["user"] == f"{user['runAsUser']}:{user['runAsGroup']}"


def test_callers_behind_the_dashboard_and_the_ingress_are_told_apart(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    [base] = [m for m in BASE if m["metadata"]["name"] == "burnline-settings"]
    for data, is_anybody_believed in ((base["data"], False), (settings(), True)):
        monkeypatch.setenv("BURNLINE_TRUSTED_PROXIES", data["BURNLINE_TRUSTED_PROXIES"])
        assert bool(Settings().trusted_proxies) is is_anybody_believed
    for name in ("ingest", "api-gateway"):
        [container] = pods()[name]["containers"]
        assert {"configMapRef": {"name": "burnline-settings"}} in container["envFrom"]


def test_every_variable_is_one_that_the_product_reads() -> None:
    known = {*offered(), *(s.port_variable for s in SERVICES)}
    known |= {variable_of(field) for field in Settings.model_fields.values()}
    known |= {variable_of(field) for field in KafkaSettings.model_fields.values()}
    known |= {"NAMESPACE", "BURNLINE_GATEWAY", "ENABLE_METRICS_SIMULATOR"}
    for name, _, container in CONTAINERS:
        assert environment(container).keys() <= known, name
    [secret] = of_kind("Secret").values()
    assert secret["data"].keys() <= known


def test_the_simulator_runs_nowhere() -> None:
    [ingest] = pods()["ingest"]["containers"]
    assert environment(ingest)["ENABLE_METRICS_SIMULATOR"] == "false"


@pytest.mark.parametrize(("name", "pod", "container"), CONTAINERS, ids=IDS)
def test_every_container_is_locked(name: str, pod: Manifest, container: Manifest) -> None:
    assert pod["automountServiceAccountToken"] is False
    assert pod["securityContext"]["runAsNonRoot"] is True
    assert pod["securityContext"]["runAsUser"] > 0
    assert pod["securityContext"]["seccompProfile"] == {"type": "RuntimeDefault"}
    assert container["securityContext"] == {
        "allowPrivilegeEscalation": False,
        "readOnlyRootFilesystem": True,
        "capabilities": {"drop": ["ALL"]},
    }
    assert not {"hostNetwork", "hostPID", "hostIPC"} & pod.keys(), name
    assert all("hostPath" not in volume for volume in pod["volumes"])
    assert {"requests", "limits"} <= container["resources"].keys()
    assert ":latest" not in container["image"]
    assert ":" in container["image"]


@pytest.mark.parametrize("name", [*DEPLOYMENTS])
def test_it_is_asked_whether_it_lives_and_whether_it_is_ready(name: str) -> None:
    [container] = pods()[name]["containers"]
    ready = "/healthz" if name == "dashboard" else "/readyz"
    assert container["readinessProbe"]["httpGet"] == {"path": ready, "port": "http"}
    # a database that is away must not end a process, only keep requests from it
    for probe in ("livenessProbe", "startupProbe"):
        assert container[probe]["httpGet"] == {"path": "/healthz", "port": "http"}


@pytest.mark.parametrize("name", [*DEPLOYMENTS])
def test_a_rollout_and_a_drained_node_leave_somebody_to_answer(name: str) -> None:
    spec, [container] = DEPLOYMENTS[name]["spec"], pods()[name]["containers"]
    budget = of_kind("PodDisruptionBudget")[name]["spec"]
    assert budget["maxUnavailable"] == 1
    assert budget["selector"] == spec["selector"]
    assert fewest_replicas(name) >= 2
    rolling = spec["strategy"]["rollingUpdate"]
    grace = pods()[name]["terminationGracePeriodSeconds"]
    if name not in BY_HTTP:
        assert rolling == {"maxSurge": 0, "maxUnavailable": 1}
        assert grace > UNTIL_CLOSED_SECONDS
        return
    assert rolling == {"maxSurge": 1, "maxUnavailable": 0}
    drained = float(environment(container).get("BURNLINE_DRAIN_SECONDS", 0))
    if name == "dashboard":
        drained = float(container["lifecycle"]["preStop"]["exec"]["command"][1])
    probe = container["readinessProbe"]
    assert drained > probe["periodSeconds"] * probe["failureThreshold"]
    assert grace > drained + UNTIL_CLOSED_SECONDS


def fewest_replicas(name: str) -> int:
    found: list[int | None] = [DEPLOYMENTS[name]["spec"].get("replicas")]
    if name in of_kind("HorizontalPodAutoscaler"):
        found.append(of_kind("HorizontalPodAutoscaler")[name]["spec"]["minReplicas"])
    if name in of_kind("ScaledObject"):
        found.append(of_kind("ScaledObject")[name]["spec"]["minReplicaCount"])
    [only] = [count for count in found if count is not None]
    return only


def test_no_more_consumers_than_shards() -> None:
    shards = int(settings()["BURNLINE_PARTITIONS"])
    scaled = {n: m["spec"]["maxReplicaCount"] for n, m in of_kind("ScaledObject").items()}
    by_cpu = {
        name: manifest["spec"]["maxReplicas"]
        for name, manifest in of_kind("HorizontalPodAutoscaler").items()
    }
    assert scaled.keys() | by_cpu.keys() == {*PROCESSES}
    most = {**scaled, **by_cpu}
    assert {n: m for n, m in most.items() if n not in BY_HTTP and m > shards} == {}


@pytest.mark.parametrize("name", [*INPUTS])
def test_consumers_of_inputs_are_scaled_by_their_lag_but_not_by_one_that_stands(name: str) -> None:
    spec = of_kind("ScaledObject")[name]["spec"]
    triggers = [trigger["metadata"] for trigger in spec["triggers"]]
    assert {trigger["topic"] for trigger in triggers} == INPUTS[name]
    assert INPUTS[name] <= {topic.name for topic in TOPICS}
    [container] = pods()[name]["containers"]
    for trigger in triggers:
        assert trigger["consumerGroup"] == name
        assert trigger["excludePersistentLag"] == "true"
        assert trigger["bootstrapServersFromEnv"] in environment(container)


def test_the_scaler_signs_in_as_the_consumers_do() -> None:
    [authentication] = of_kind("TriggerAuthentication").values()
    wanted = {entry["parameter"]: entry["name"] for entry in authentication["spec"]["env"]}
    assert wanted == {"username": "KAFKA_SASL_USERNAME", "password": "KAFKA_SASL_PASSWORD"}
    [secret] = of_kind("Secret").values()
    assert {*wanted.values()} <= secret["data"].keys()
    mechanism = settings()["KAFKA_SASL_MECHANISM"].replace("-SHA-", "_sha").lower()
    triggers = [t for s in of_kind("ScaledObject").values() for t in s["spec"]["triggers"]]
    assert {t["metadata"]["sasl"] for t in triggers} == {mechanism}
    assert {t["authenticationRef"]["name"] for t in triggers} == {*of_kind("TriggerAuthentication")}


def test_the_product_takes_the_settings_of_the_example(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    """Nothing is spoken to in plaintext, and every file is mounted where the settings say."""
    [secret] = of_kind("Secret").values()
    decoded = {k: base64.b64decode(v).decode() for k, v in secret["data"].items()}
    mounted = of_kind("ConfigMap")["burnline-ca"]["data"]
    for name, text in {**settings(), **decoded}.items():
        folder, _, file = text.rpartition("/")
        if folder == "/etc/burnline/ca":
            (tmp_path / file).write_text(mounted[file])
            monkeypatch.setenv(name, str(tmp_path / file))
        else:
            monkeypatch.setenv(name, text)
    for made in (Settings, KafkaSettings, DatabaseSettings, RedisSettings):
        made()
    for name, pod, container in CONTAINERS:
        mounts = {m["name"]: m["mountPath"] for m in container["volumeMounts"]}
        if not name.startswith("dashboard"):
            assert mounts["ca"] == "/etc/burnline/ca"
            assert {"name": "ca", "configMap": {"name": "burnline-ca"}} in pod["volumes"]


def test_secrets_and_settings_are_there_for_all_of_ours() -> None:
    [secret] = of_kind("Secret")
    assert {"DATABASE_URL", "BURNLINE_API_TOKEN"} <= of_kind("Secret")[secret]["data"].keys()
    wanted: list[Any] = [
        {"configMapRef": {"name": "burnline-settings"}},
        {"secretRef": {"name": secret}},
    ]
    for name, _, container in CONTAINERS:
        assert container.get("envFrom") == (None if name.startswith("dashboard") else wanted)


def test_the_schema_and_the_topics_are_made_before() -> None:
    pod = pods()["burnline-setup"]
    assert [c["args"] for c in pod["initContainers"]] == [
        services()["migrations"]["command"],
    ]
    assert [c["args"] for c in pod["containers"]] == [services()["topics"]["command"]]


def test_nothing_is_reached_that_is_not_named() -> None:
    policies = of_kind("NetworkPolicy")
    closed = policies["burnline-nothing-else"]["spec"]
    assert closed["podSelector"] == {"matchLabels": {"app.kubernetes.io/part-of": "burnline"}}
    assert closed["policyTypes"] == ["Ingress", "Egress"]
    assert "ingress" not in closed
    for name, manifest in {**DEPLOYMENTS, **of_kind("Job")}.items():
        labels = manifest["spec"]["template"]["metadata"]["labels"]
        assert labels["app.kubernetes.io/part-of"] == "burnline", name
    opened = {
        name for policy in policies.values() for name in allowed_from_everywhere(policy["spec"])
    }
    assert opened == {*BY_HTTP}


def allowed_from_everywhere(spec: Manifest) -> list[str]:
    everywhere: list[Manifest] = [{"namespaceSelector": {}}]
    if not any(rule.get("from") in (None, everywhere) for rule in spec.get("ingress", ())):
        return []
    expressions = spec["podSelector"]["matchExpressions"]
    [names] = [e["values"] for e in expressions if e["key"] == "app.kubernetes.io/name"]
    return list(names)


@pytest.mark.parametrize("name", ["burnrate", "forecast", "gate", "alerts"])
def test_a_consumer_keeps_its_name_when_its_container_starts_again(name: str) -> None:
    (found,) = [
        environment(container)
        for deployed, _, container in CONTAINERS
        if deployed == f"{name}/{name}"
    ]
    assert found["BURNLINE_INSTANCE_ID"] == "hostname"
