"""Read policies from files: the documented default, and those that a setting names."""

from collections.abc import Iterable
from functools import cache
from pathlib import Path

import yaml
from pydantic_settings import BaseSettings

from common.config.settings import Listed, prefixed
from common.policy.document import InvalidPolicyError, parse_policy
from common.policy.model import Policy

DEFAULT_POLICY_FILE = Path(__file__).with_name("default_policy.yaml")


class PolicySettings(BaseSettings):
    """Files with further policies, separated by commas: the same for the gate and the gateway."""

    model_config = prefixed("GATE_POLICY_")

    files: Listed[Path] = ()


class PolicyFileError(ValueError):
    """A file holds no policy; the message names file, field and fix."""


def read_policies(files: Iterable[Path]) -> list[Policy]:
    """Return the documented default and the policies of the files, one document each.

    A later file stands in for an earlier policy of the same name, so also for the default.
    Raises PolicyFileError.
    """
    return [_documented_default(), *(read_policy(file) for file in files)]


@cache
def _documented_default() -> Policy:
    return read_policy(DEFAULT_POLICY_FILE)


def read_policy(file: Path) -> Policy:
    """Return the policy of one YAML or JSON file; raise PolicyFileError."""
    try:
        return parse_policy(yaml.safe_load(file.read_text()))
    except (OSError, UnicodeDecodeError, yaml.YAMLError, InvalidPolicyError) as error:
        raise PolicyFileError(f"{file}: {error}") from error
