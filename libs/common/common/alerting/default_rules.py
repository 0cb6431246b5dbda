"""The rules that come with the product, read from `rules.yaml` beside this file."""

from functools import cache
from pathlib import Path

import yaml

from common.alerting.rules import Rule, read_rule
from common.invalid_field import InvalidFieldError


@cache
def default_rules() -> dict[str, Rule]:
    """Return the default rules by name."""
    return read_rules(Path(__file__).with_name("rules.yaml").read_text())


def read_rules(text: str) -> dict[str, Rule]:
    """Return the rules of a YAML text by name; InvalidFieldError names the place and the fix."""
    try:
        content = yaml.safe_load(text)
    except yaml.YAMLError as error:
        raise InvalidFieldError("rules", "invalid_yaml", str(error)) from None
    documents = content.get("rules") if isinstance(content, dict) else None
    if not isinstance(documents, list):
        raise InvalidFieldError("rules", "missing", "must be a list under the key `rules`")
    rules: dict[str, Rule] = {}
    for number, document in enumerate(documents):
        try:
            rule = read_rule(document)
        except InvalidFieldError as error:
            field = f"rules[{number}].{error.field}"
            raise InvalidFieldError(field, error.code, error.detail) from None
        if rule.name in rules:
            raise InvalidFieldError(f"rules[{number}].name", "duplicate_rule", "is used twice")
        rules[rule.name] = rule
    return rules
