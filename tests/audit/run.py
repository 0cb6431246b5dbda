"""Ask for known vulnerabilities of all that is pinned (`make audit`), by pip-audit and npm audit.

Exit status 0: none is known. 1: some are. 2: not all could be asked about, which says nothing.
"""

import json
import subprocess
import sys
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Final

ROOT: Final = Path(__file__).parents[2]
PIP_AUDIT: Final = "pip-audit==2.10.1"
VULNERABLE, NOT_ASKED = 1, 2


@dataclass(frozen=True, slots=True)
class Report:
    """Packages with known vulnerabilities, and why others could not be asked about."""

    vulnerable: list[str] = field(default_factory=list)
    not_asked: str = ""


def python_report(output: str, errors: str) -> Report:
    """Return what pip-audit says; it skips what its service does not answer for, and succeeds."""
    packages = _read(output).get("dependencies")
    if packages is None:
        return Report(not_asked=_last_line(errors))
    found = [
        f"{package['name']} {package['version']}: {vulnerability['id']}"
        for package in packages
        for vulnerability in package.get("vulns", ())
    ]
    skipped = [package for package in packages if "skip_reason" in package]
    if not skipped:
        return Report(found)
    first = skipped[0]["skip_reason"]
    return Report(found, f"{len(skipped)} of {len(packages)} packages, such as: {first}")


def npm_report(output: str, errors: str) -> Report:
    """Return what npm audit says."""
    answer = _read(output)
    if "vulnerabilities" not in answer:
        return Report(not_asked=str(answer.get("message") or _last_line(errors)))
    return Report(
        [
            f"{name} {found['range']}: {found['severity']}"
            for name, found in sorted(answer["vulnerabilities"].items())
        ]
    )


def _read(output: str) -> dict[str, Any]:
    try:
        answer = json.loads(output)
    except ValueError:
        return {}
    return answer if isinstance(answer, dict) else {}


def _last_line(errors: str) -> str:
    lines = errors.strip().splitlines()
    return lines[-1] if lines else "it said nothing"


def said(name: str, report: Report) -> list[str]:
    """Return the lines about one kind of package."""
    lines = [f"{name}: {line}" for line in report.vulnerable]
    if report.not_asked:
        lines.append(f"{name}: NOT AUDITED: {report.not_asked}")
    return lines or [f"{name}: no vulnerability is known"]


def status(reports: Sequence[Report]) -> int:
    """Return the exit status."""
    if any(report.vulnerable for report in reports):
        return VULNERABLE
    return NOT_ASKED if any(report.not_asked for report in reports) else 0


def _run(*command: str, cwd: Path = ROOT) -> tuple[str, str]:
    done = subprocess.run(command, cwd=cwd, capture_output=True, text=True, check=False)
    return done.stdout, done.stderr


def main() -> int:
    """Ask both; both are asked whatever the first one says."""
    uv = str(Path(sys.executable).with_name("uv"))
    pip_audit = (uv, "tool", "run", "--from", PIP_AUDIT, "pip-audit", "--disable-pip")
    pins = [part for path in sorted(ROOT.glob("requirements*.txt")) for part in ("-r", path.name)]
    asked = _run(*pip_audit, "--require-hashes", *pins, "--format", "json")
    reports = {"Python": python_report(*asked)}
    npm = _run("npm", "audit", "--json", "--package-lock-only", cwd=ROOT / "frontend")
    reports["dashboard"] = npm_report(*npm)
    for name, report in reports.items():
        sys.stdout.write("\n".join([*said(name, report), ""]))
    return status([*reports.values()])


if __name__ == "__main__":
    sys.exit(main())
