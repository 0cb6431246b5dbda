"""`python -m tests.documents.surface`: all that others rely on, as sorted JSON.

Run on two commits, it shows what a change did to the outside: `diff` of both outputs. Texts for
people (summaries, descriptions, help) are left out, and where a thing stands in the code.
"""

import ast
import asyncio
import json
import pkgutil
import re
import sys
import tempfile
from collections.abc import Iterable, Iterator
from importlib import import_module
from pathlib import Path
from types import ModuleType
from typing import Any, Final, get_args, get_type_hints

import typer
from prometheus_client import REGISTRY
from prometheus_client.metrics import MetricWrapperBase
from pydantic_settings import BaseSettings, EnvSettingsSource

from tests.support.servers.cluster import connection, own_cluster
from tests.support.servers.running import TEMPLATE

ROOT: Final = Path(__file__).resolve().parents[2]
PACKAGES: Final = (
    "common",
    "ingest",
    "burnrate",
    "forecast",
    "gate",
    "alerts",
    "api_gateway",
    "burnline",
)
SCHEMAS: Final = ["catalog", "burnrate", "forecast", "gate", "alerts"]
CATALOG: Final = """
    SELECT 'column', format('%s.%s.%s', table_schema, table_name, column_name),
        concat_ws(' ', ordinal_position, data_type, is_nullable, column_default,
            identity_generation)
    FROM information_schema.columns WHERE table_schema = ANY($1)
    UNION ALL SELECT 'index', schemaname || '.' || indexname, indexdef
    FROM pg_indexes WHERE schemaname = ANY($1)
    UNION ALL SELECT 'constraint', conrelid::regclass || ' ' || conname, pg_get_constraintdef(oid)
    FROM pg_constraint WHERE connamespace::regnamespace::text = ANY($1)
    UNION ALL SELECT 'trigger', tgrelid::regclass || ' ' || tgname, pg_get_triggerdef(oid)
    FROM pg_trigger WHERE NOT tgisinternal
    UNION ALL SELECT 'function', oid::regprocedure::text, pg_get_functiondef(oid)
    FROM pg_proc WHERE pronamespace::regnamespace::text = ANY($1)
    UNION ALL SELECT 'storage', attrelid::regclass || '.' || attname, attstorage::text
    FROM pg_attribute WHERE attnum > 0 AND attrelid IN (
        SELECT oid FROM pg_class WHERE relkind = 'r' AND relnamespace::regnamespace::text = ANY($1))
    UNION ALL SELECT 'options', oid::regclass::text, reloptions::text
    FROM pg_class WHERE reloptions IS NOT NULL AND relnamespace::regnamespace::text = ANY($1)"""
_TEXTS: Final = frozenset({"summary", "description", "x-enum-descriptions"})
# of a type its module, of a function all: neither is seen from outside
_PLACE: Final = re.compile(r"\b[a-z]\w*(\.[a-z_]\w*)*\.(?=[A-Z])|<function [^>]*>")
_VARIABLE: Final = re.compile(r"[A-Z][A-Z0-9]*(_[A-Z0-9]+)+|DEBUG")
_HEADER: Final = re.compile(r"[Xx]-[A-Za-z-]+")
_ACTION: Final = re.compile(r"[a-z_]+\.[a-z_]+")


def surface() -> dict[str, Any]:
    """Return everything, by kind."""
    return {**without_servers(), "database": asyncio.run(_database())}


def without_servers() -> dict[str, Any]:
    """Return what the code alone says."""
    modules = list(_modules())
    return {
        "asyncapi": _without_texts(_named(modules, "asyncapi_document")()),
        "commands": _commands(),
        "environment": _settings(modules),
        "environment read directly": {name: _texts(name, _VARIABLE) for name in PACKAGES},
        "exit codes": {name: _exit_codes(name) for name in PACKAGES},
        "headers": {name: _texts(name, _HEADER) for name in PACKAGES},
        "names with a dot": {name: _texts(name, _ACTION) for name in PACKAGES},
        "json schemas": {
            path.name: _without_texts(json.loads(path.read_text(encoding="utf-8")))
            for path in sorted((ROOT / "libs/common/schemas").glob("*.json"))
        },
        "metrics": _metrics(),
        "openapi": {name: _openapi(name) for name in ("ingest", "api_gateway")},
        "topics": [_topic(topic) for topic in _named(modules, "TOPICS")],
    }


def _modules() -> Iterator[ModuleType]:
    for package in PACKAGES:
        root = import_module(package)
        yield root
        for found in pkgutil.walk_packages(root.__path__, f"{package}."):
            if not found.name.endswith("__main__"):
                yield import_module(found.name)


def _named(modules: Iterable[ModuleType], name: str) -> Any:
    """Return what has this name, wherever it stands."""
    return next(vars(module)[name] for module in modules if name in vars(module))


def _without_texts(document: Any) -> Any:
    if isinstance(document, dict):
        return {
            key: _without_texts(value)
            for key, value in document.items()
            if not (key in _TEXTS and isinstance(value, str))
        }
    return [_without_texts(one) for one in document] if isinstance(document, list) else document


def _openapi(package: str) -> Any:
    create_app = import_module(f"{package}.app").create_app
    hint = get_type_hints(create_app)["settings"]
    settings = next(kind for kind in get_args(hint) or (hint,) if _is_settings(kind))
    made = settings.model_validate({"database_url": "postgresql://nobody@127.0.0.1/none"})
    return _without_texts(create_app(made).openapi())


def _topic(topic: Any) -> dict[str, Any]:
    return {
        "name": topic.name,
        "events": [event.__name__ for event in topic.events],
        "key": topic.key,
        "producers": topic.producers,
        "consumers": topic.consumers,
        "sharded": topic.sharded,
        "config": topic.config(),
        "dead letters": topic.dead_letter,
    }


def _metrics() -> dict[str, Any]:
    found = {}
    for collector in set(REGISTRY._names_to_collectors.values()):
        if isinstance(collector, MetricWrapperBase) and collector._name.startswith("burnline"):
            found[collector._name] = {
                "type": collector._type,
                "labels": collector._labelnames,
                "buckets": getattr(collector, "_kwargs", {}).get("buckets"),
            }
        elif hasattr(collector, "describe"):
            found |= _families(collector.describe())
    return found


def _families(families: Iterable[Any]) -> dict[str, Any]:
    return {
        family.name: {"type": family.type, "labels": list(getattr(family, "_labelnames", ()))}
        for family in families
        if family.name.startswith("burnline")
    }


def _settings(modules: Iterable[ModuleType]) -> dict[str, list[str]]:
    """Return by variable: what is taken, its limits and the value without it."""
    found: dict[str, set[str]] = {}
    for kind in {v for module in modules for v in vars(module).values() if _is_settings(v)}:
        source = EnvSettingsSource(kind)
        for name, field in kind.model_fields.items():
            said = f"{field.annotation} {field.metadata} = {field.default!r}"
            for _, variable, _ in source._extract_field_info(field, name):
                said = _PLACE.sub("", said)
                found.setdefault(variable.upper(), set()).add(said)
    return {variable: sorted(said) for variable, said in found.items()}


def _is_settings(value: object) -> bool:
    return isinstance(value, type) and issubclass(value, BaseSettings) and value is not BaseSettings


def _texts(package: str, form: re.Pattern[str]) -> list[str]:
    """Return the texts of the code that have this form: of variables, headers, or actions."""
    return sorted(
        {
            node.value
            for tree in _trees(package)
            for node in ast.walk(tree)
            if isinstance(node, ast.Constant)
            and isinstance(node.value, str)
            and form.fullmatch(node.value)
        }
    )


def _exit_codes(package: str) -> list[str]:
    """Return what processes end with; a message ends with 1, as Python says."""
    codes = set()
    for tree in _trees(package):
        numbers = {
            target.id: node.value.value
            for node in ast.walk(tree)
            if isinstance(node, ast.Assign | ast.AnnAssign) and isinstance(node.value, ast.Constant)
            for target in (node.targets if isinstance(node, ast.Assign) else [node.target])
            if isinstance(target, ast.Name)
        }
        for node in ast.walk(tree):
            if isinstance(node, ast.Call) and ast.unparse(node.func).split(".")[-1] in {
                "Exit",
                "exit",
                "_exit",
                "SystemExit",
            }:
                codes |= {_code(argument, numbers) for argument in node.args[:1]}
    return sorted(codes)


def _code(argument: ast.expr, numbers: dict[str, Any]) -> str:
    if isinstance(argument, ast.JoinedStr):
        return "1"
    if isinstance(argument, ast.Constant):
        return "1" if isinstance(argument.value, str) else str(argument.value)
    return str(numbers.get(ast.unparse(argument), "as computed"))


def _trees(package: str) -> Iterator[ast.Module]:
    for folder in import_module(package).__path__:
        for path in sorted(Path(folder).rglob("*.py")):
            yield ast.parse(path.read_text(encoding="utf-8"))


def _commands() -> dict[str, Any]:
    app = import_module("burnline.main").make_app()
    return _command(typer.main.get_command(app))


def _command(command: Any) -> dict[str, Any]:
    return {
        "parameters": [
            {
                "names": sorted([*parameter.opts, *parameter.secondary_opts]),
                "kind": parameter.param_type_name,
                "type": str(parameter.type_descriptor.annotation),
                **{
                    name: getattr(parameter, name, None)
                    for name in ("required", "default", "envvar", "is_flag", "multiple", "hidden")
                },
            }
            for parameter in command.params
        ],
        "commands": {name: _command(one) for name, one in getattr(command, "commands", {}).items()},
    }


async def _database() -> list[str]:
    """Return a migrated database's catalog, of a server of our own."""
    with tempfile.TemporaryDirectory() as folder, own_cluster(Path(folder)) as cluster:
        await cluster.start_postgres()
        async with connection(cluster.database_url(TEMPLATE)) as opened:
            return sorted(" | ".join(row) for row in await opened.fetch(CATALOG, SCHEMAS))


if __name__ == "__main__":
    json.dump(surface(), sys.stdout, indent=1, sort_keys=True, default=str)
