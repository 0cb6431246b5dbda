"""docker-compose.yml as an engine reads it, and the settings that .env.example offers."""

import re
from pathlib import Path
from typing import Any, Final

import yaml
from pydantic import AliasChoices
from pydantic.fields import FieldInfo

from burnline.localstack.places import project_root

VARIABLE: Final = re.compile(r"\$\{(\w+)(?::[-?][^}]*)?\}")
OFFER: Final = re.compile(r"(?m)^(?P<optional># )?(?P<name>[A-Z][A-Z0-9_]+)=(?P<value>.*)$")
OUR_IMAGE: Final = "burnline/services:"


def variable_of(field: FieldInfo) -> str:
    """Return the variable by which a setting is documented: the first, where it has several."""
    alias = field.validation_alias
    return str(alias.choices[0] if isinstance(alias, AliasChoices) else alias)


def compose_text() -> str:
    """The file as it is written."""
    return (project_root() / "docker-compose.yml").read_text()


def offered() -> dict[str, str]:
    """Each variable of .env.example with its value, also those behind a comment sign."""
    text = (project_root() / ".env.example").read_text()
    return {match["name"]: match["value"] for match in OFFER.finditer(text)}


def set_at_first() -> dict[str, str]:
    """What `cp .env.example .env` sets, where it sets something."""
    text = (project_root() / ".env.example").read_text()
    found = [match for match in OFFER.finditer(text) if not match["optional"]]
    return {match["name"]: match["value"] for match in found if match["value"]}


def used_variables() -> set[str]:
    """The variables that the file takes from .env."""
    code = "\n".join(line for line in compose_text().splitlines() if line.strip()[:1] != "#")
    return set(VARIABLE.findall(code))


def compose() -> dict[str, Any]:
    """The file with the variables of .env.example filled in."""
    values = offered()
    filled = VARIABLE.sub(lambda match: values[match[1]], compose_text())
    read: dict[str, Any] = yaml.safe_load(filled)
    return read


def services() -> dict[str, dict[str, Any]]:
    """Every service by its name, those of all profiles."""
    found: dict[str, dict[str, Any]] = compose()["services"]
    return found


def is_job(service: dict[str, Any]) -> bool:
    """Whether the container ends by itself."""
    return str(service["restart"]) == "no"


def ours(service: dict[str, Any]) -> bool:
    """Whether it runs the image of the Python services."""
    return str(service["image"]).startswith(OUR_IMAGE)


def dockerfiles() -> list[Path]:
    """The files that our images are made by."""
    return sorted((project_root() / "deploy" / "images").glob("*.Dockerfile"))
