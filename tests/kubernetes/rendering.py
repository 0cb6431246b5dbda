"""Renders a kustomization with kustomize, or with the one inside kubectl."""

import shutil
import subprocess
import sys
from functools import cache
from pathlib import Path
from typing import Any, Final

import yaml

MANIFESTS: Final = Path(__file__).parents[2] / "deploy" / "kubernetes"

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
