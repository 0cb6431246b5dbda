"""Alert rules and channels over HTTP: what a request may say, what an answer says."""

from dataclasses import asdict
from inspect import cleandoc
from typing import Annotated, Any, Self

import msgspec
from pydantic import Field, GetJsonSchemaHandler, RootModel, StrictBool, StringConstraints
from pydantic_core import CoreSchema

from api_gateway.alerts.domain import Channel
from api_gateway.alerts.rules import ShownRule, Source
from api_gateway.http.types import Actor, Answer, Instant, Statement, revision_of
from common.alerting.channels import CHANNEL_KINDS, MAX_VALUE_LENGTH, SIMULATED, shown_address
from common.alerting.rules import Rule, rule_document
from common.slo.vocabulary import SERVICE_NAME_PATTERN

EXAMPLE = {
    "name": "budget-half",
    "kind": "budget_left",
    "levels": [{"severity": "ticket", "at_most_ratio": 0.5}],
    "tiers": [1],
}
SecretValue = Annotated[str, StringConstraints(max_length=MAX_VALUE_LENGTH)]
Secrets = Annotated[dict[str, SecretValue], Field(max_length=8)]


class RuleDocument(RootModel[dict[str, Any]]):
    """A rule as data, as in `rules.yaml`; `read_rule` refuses what it cannot be."""

    @classmethod
    def __get_pydantic_json_schema__(
        cls, core_schema: CoreSchema, handler: GetJsonSchemaHandler
    ) -> dict[str, Any]:
        """Describe the document by the rule's own fields."""
        reference = handler(core_schema)
        own = handler.resolve_ref_schema(reference)
        own.clear()
        own.update(_rule_schema(), title=cls.__name__, description=cleandoc(Rule.__doc__ or ""))
        return reference


def _rule_schema() -> dict[str, Any]:
    """Return the JSON schema of a rule, with that of its levels in it."""
    _, found = msgspec.json.schema_components([Rule])
    rule: dict[str, Any] = found["Rule"]
    level = found["Level"]
    for name, field in level["properties"].items():
        field.pop("default", None)  # what a level does not have is left out, not null
        level["properties"][name] = _without_references(field, found)
    rule["properties"]["levels"]["items"] = level
    return rule


def _without_references(schema: Any, found: dict[str, Any]) -> Any:
    if isinstance(schema, list):
        return [_without_references(part, found) for part in schema]
    if not isinstance(schema, dict):
        return schema
    if "$ref" in schema:
        return found[schema["$ref"].rpartition("/")[2]]
    return {name: _without_references(part, found) for name, part in schema.items()}


class NewRule(Statement):
    """A rule to be added."""

    rule: RuleDocument = Field(
        description="As in `rules.yaml`; what is left out is as documented", examples=[EXAMPLE]
    )


class RuleChanges(Statement):
    """Fields of a rule that are to be others; those that are left out stay."""

    changes: dict[str, Any] = Field(
        examples=[{"enabled": False}, {"except_services": ["reports"]}, {"tiers": [1, 2]}]
    )


class RuleAnswer(Answer):
    """A rule in force. A default one has no revision and no times."""

    name: str
    source: Source = Field(description="`changed`: it takes the place of a default one")
    rule: RuleDocument = Field(description="With every field")
    revision: int | None
    created_at: Instant | None
    updated_at: Instant | None

    @classmethod
    def of(cls, shown: ShownRule) -> Self:
        """Return the answer for a rule."""
        return cls(
            name=shown.rule.name,
            source=shown.source,
            rule=RuleDocument(rule_document(shown.rule)),
            **revision_of(shown.stored),
        )


class NewChannel(Actor):
    """A channel to be created. Its `secrets` are never shown again."""

    name: str = Field(
        max_length=63, examples=["on-call"], json_schema_extra={"pattern": SERVICE_NAME_PATTERN}
    )
    kind: str = Field(json_schema_extra={"enum": [*sorted(CHANNEL_KINDS)]})
    secrets: Secrets = Field(
        default_factory=dict,
        description="`url` and `signing_secret` (webhook), `url` (alertmanager, slack, apprise), "
        "`routing_key` and `url` (pagerduty)",
        examples=[{"url": "https://alerts.example.com/hook"}],
    )


class ChannelChange(Actor):
    """What is to be other; secrets are replaced all at once."""

    secrets: Secrets | None = None
    enabled: StrictBool | None = None


class ChannelAnswer(Answer):
    """A channel, without its secrets."""

    id: int
    name: str
    kind: str
    enabled: bool
    built_in: bool
    address: str | None = Field(description="Scheme and host of the address")
    has_secrets: list[str] = Field(description="Names of the secrets that it has")
    created_at: Instant
    updated_at: Instant

    @classmethod
    def of(cls, channel: Channel) -> Self:
        """Return the answer for a channel."""
        return cls.model_validate(
            {
                **asdict(channel),
                "built_in": channel.name == SIMULATED,
                "address": shown_address(channel.secrets),
                "has_secrets": sorted(channel.secrets),
            }
        )
