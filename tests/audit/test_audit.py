"""An audit that could not ask says so: it does not call what it knows nothing of safe."""

import json
from typing import Any, Final

import pytest

from tests.audit.run import NOT_ASKED, VULNERABLE, Report, npm_report, python_report, said, status

KNOWN: Final = {"name": "a", "version": "1.0", "vulns": []}
BAD: Final = {"name": "b", "version": "2.0", "vulns": [{"id": "PYSEC-1"}]}
SKIPPED: Final = {"name": "c", "skip_reason": "could not be audited: c"}


def of_python(*packages: dict[str, Any]) -> Report:
    return python_report(json.dumps({"dependencies": packages, "fixes": []}), "")


def test_what_is_known_of_all_packages_is_said() -> None:
    assert (of_python(KNOWN), status([of_python(KNOWN)])) == (Report(), 0)
    assert said("Python", of_python(KNOWN)) == ["Python: no vulnerability is known"]
    found = of_python(KNOWN, BAD)
    assert (found.vulnerable, status([found, Report()])) == (["b 2.0: PYSEC-1"], VULNERABLE)
    answer = {"vulnerabilities": {"x": {"range": "<2", "severity": "high"}}, "metadata": {}}
    assert npm_report(json.dumps(answer), "").vulnerable == ["x <2: high"]


@pytest.mark.parametrize(
    "report",
    [
        of_python(KNOWN, SKIPPED),
        python_report("", "Traceback\nConnectionError: no such host"),
        python_report("[]", ""),
        npm_report('{"message": "405 Method Not Allowed", "error": {}}', ""),
        npm_report("", "npm error audit endpoint returned an error"),
    ],
)
def test_what_could_not_be_asked_is_not_called_safe(report: Report) -> None:
    assert status([Report(), report]) == NOT_ASKED
    [line] = said("Python", report)
    assert line.startswith("Python: NOT AUDITED: ")
    assert len(line) > len("Python: NOT AUDITED: ")


def test_what_is_found_is_said_beside_what_could_not_be_asked() -> None:
    report = of_python(BAD, SKIPPED)
    assert status([report]) == VULNERABLE
    assert [line.split(":")[1] for line in said("Python", report)] == [" b 2.0", " NOT AUDITED"]
