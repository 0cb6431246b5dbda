"""Write documents as YAML that the reader reads as the same documents."""

from collections.abc import Iterable
from decimal import Decimal
from typing import Any

import yaml

from common.documents.model import Document, as_data


class _Dumper(yaml.SafeDumper):
    """Writes decimals as they are, and no aliases."""

    def ignore_aliases(self, data: Any) -> bool:  # noqa: ARG002
        """Write what is used twice twice."""
        return True


def _decimal(dumper: yaml.SafeDumper, value: Decimal) -> yaml.ScalarNode:
    text = format(value, "f")
    kind = "float" if "." in text else "int"
    return dumper.represent_scalar(f"tag:yaml.org,2002:{kind}", text)


def _text(dumper: yaml.SafeDumper, value: str) -> yaml.ScalarNode:
    style = "|" if "\n" in value else None
    return dumper.represent_scalar("tag:yaml.org,2002:str", value, style=style)


_Dumper.add_representer(str, _text)
_Dumper.add_representer(Decimal, _decimal)
_Dumper.add_representer(tuple, yaml.SafeDumper.represent_list)


def as_yaml(documents: Iterable[Document]) -> str:
    """Return documents as one YAML text."""
    data = [as_data(document) for document in documents]
    return yaml.dump_all(
        data, Dumper=_Dumper, sort_keys=False, allow_unicode=True, explicit_start=True, width=100
    )
