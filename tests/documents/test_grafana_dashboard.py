"""The dashboard's file against the models that Grafana's makers generate from its schemas."""

import copy
import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from grafana_foundation_sdk.cog.encoder import JSONEncoder
from grafana_foundation_sdk.cog.plugins import register_default_plugins
from grafana_foundation_sdk.models.dashboard import Dashboard

FILE = Path(__file__).parents[2] / "deploy/grafana/dashboards/burnline.json"
register_default_plugins()


def not_understood(document: dict[str, Any]) -> list[str]:
    """Return the places that the models drop or change: Grafana does not know what stands there."""
    understood = json.loads(JSONEncoder().encode(Dashboard.from_json(document)))
    return [*_differences(document, understood, "")]


def _differences(given: Any, kept: Any, place: str) -> Iterator[str]:
    if isinstance(given, dict) and isinstance(kept, dict):
        for name, value in given.items():
            if name in kept:
                yield from _differences(value, kept[name], f"{place}/{name}")
            else:
                yield f"{place}/{name}"
    elif isinstance(given, list) and isinstance(kept, list) and len(given) == len(kept):
        for number, pair in enumerate(zip(given, kept, strict=True)):
            yield from _differences(*pair, f"{place}/{number}")
    elif given != kept:
        yield place


def test_grafana_knows_every_field_of_the_dashboard() -> None:
    assert not_understood(json.loads(FILE.read_text())) == []


@pytest.mark.parametrize(
    "place",
    ["", "panels/1", "panels/1/options", "panels/1/targets/0", "panels/1/fieldConfig/defaults"],
)
def test_a_field_that_it_does_not_know_is_found(place: str) -> None:
    document = copy.deepcopy(json.loads(FILE.read_text()))
    part = document
    for step in filter(None, place.split("/")):
        part = part[int(step) if step.isdigit() else step]
    part["colour"] = "red"
    assert not_understood(document) == ["/".join(["", *filter(None, [place]), "colour"])]
