"""The parts of KEDA's kinds (keda.sh/v1alpha1) that are used, from their published fields."""

from typing import Any, Final

TEXT: Final = {"type": "string"}
NUMBER: Final = {"type": "integer", "minimum": 0}
SWITCH: Final = {"enum": ["true", "false"]}


def closed(required: dict[str, Any], **optional: Any) -> dict[str, Any]:
    """Return the schema of an object that has these fields and no other."""
    return {
        "type": "object",
        "properties": required | optional,
        "required": [*required],
        "additionalProperties": False,
    }


# values are texts, as in every trigger's metadata
KAFKA: Final = closed(
    {"bootstrapServersFromEnv": TEXT, "consumerGroup": TEXT, "topic": TEXT},
    lagThreshold={"type": "string", "pattern": "^[1-9][0-9]*$"},
    offsetResetPolicy={"enum": ["earliest", "latest"]},
    excludePersistentLag=SWITCH,
    allowIdleConsumers=SWITCH,
    sasl={"enum": ["none", "plaintext", "scram_sha256", "scram_sha512"]},
    tls={"enum": ["enable", "disable"]},
)
BEHAVIOR: Final = closed({}, scaleUp={"type": "object"}, scaleDown={"type": "object"})
SCALED_OBJECT: Final = closed(
    {
        "apiVersion": {"const": "keda.sh/v1alpha1"},
        "kind": {"const": "ScaledObject"},
        "metadata": {"type": "object"},
        "spec": closed(
            {
                "scaleTargetRef": closed(
                    {"name": TEXT}, apiVersion=TEXT, kind=TEXT, envSourceContainerName=TEXT
                ),
                "triggers": {
                    "type": "array",
                    "minItems": 1,
                    "items": closed(
                        {"type": {"const": "kafka"}, "metadata": KAFKA},
                        authenticationRef=closed({"name": TEXT}, kind=TEXT),
                    ),
                },
            },
            pollingInterval=NUMBER,
            cooldownPeriod=NUMBER,
            minReplicaCount=NUMBER,
            maxReplicaCount=NUMBER,
            fallback=closed(
                {"failureThreshold": NUMBER, "replicas": NUMBER},
                behavior={
                    "enum": [
                        "static",
                        "currentReplicas",
                        "currentReplicasIfHigher",
                        "currentReplicasIfLower",
                    ]
                },
            ),
            advanced=closed({}, horizontalPodAutoscalerConfig=closed({}, behavior=BEHAVIOR)),
        ),
    }
)

TRIGGER_AUTHENTICATION: Final = closed(
    {
        "apiVersion": {"const": "keda.sh/v1alpha1"},
        "kind": {"const": "TriggerAuthentication"},
        "metadata": {"type": "object"},
        "spec": closed(
            {},
            env={
                "type": "array",
                "items": closed({"parameter": TEXT, "name": TEXT}, containerName=TEXT),
            },
            configMapTargetRef={
                "type": "array",
                "items": closed({"parameter": TEXT, "name": TEXT, "key": TEXT}),
            },
        ),
    }
)
KINDS: Final = {"ScaledObject": SCALED_OBJECT, "TriggerAuthentication": TRIGGER_AUTHENTICATION}
