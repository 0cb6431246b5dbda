"""Whatever strangers wrote, what the command line prints keeps its form."""

import re
import unicodedata
from datetime import timedelta
from html.parser import HTMLParser
from typing import Any

from alerts.domain.backtest import Alarm
from burnline.commands.gate import particulars, workflow_command
from burnline.commands.gate_replay import as_text
from burnline.commands.rules import alarm_line
from burnline.report.figures import Blocked, Episode, Period, ServiceReport, SloFigures
from burnline.report.text import Format, write
from common.decisions.evaluate import evaluate
from gate.domain.records import DecisionRecord, Stamp, published, replay
from tests.support.burn_events import NOW
from tests.support.gate_inputs import inputs, objective, override, policy
from tests.support.hostile import hostile

WEEK = Period.before(NOW, timedelta(days=7))


def controls(text: str) -> list[str]:
    return [c for c in text if c != "\n" and unicodedata.category(c)[0] == "C"]


def decided(text: str) -> DecisionRecord:
    given = override(actor=text, reason=text, approver=text, version=text)
    state = inputs([objective(text)], overrides=(given,))
    stamp = Stamp(0, 1, "01JD3Z0Q5K8Y6T4V9W2X7N1M0P", timedelta(seconds=30))
    decision = published(policy(), state, evaluate(policy(), state), stamp, None)
    return DecisionRecord(decision, state, policy())


@hostile
def test_a_decision_made_again_has_a_line_for_each_reason(text: str) -> None:
    record, plain = decided(text), decided("x")
    shown = as_text(record, replay(record))
    assert not controls(shown)
    assert len(shown.splitlines()) == len(as_text(plain, replay(plain)).splitlines())


@hostile
def test_an_alarm_that_is_replayed_has_one_line(text: str) -> None:
    message = f"checkout burns ({text})"
    shown = alarm_line(Alarm("checkout", "burn", text, "page", NOW, None, message, []))
    assert not controls(shown)
    assert len(shown.splitlines()) == 1


@hostile
def test_an_answer_of_the_gate_has_one_line_for_each_reason(text: str) -> None:
    answer: dict[str, Any] = {
        "decision": "ALLOW", "allowed": True, "service_name": "checkout", "version": text,
        "change_class": "fix", "reasons": [{"code": "overridden", "message": text}],
        "override": {"id": 1, "actor": text, "uses": 0, "max_uses": None, "reason": text},
        "unblocked_at": None, "decision_id": "x", "data_age_seconds": 1, "risk_level": "SAFE",
    }  # fmt: skip
    assert all(len(line.splitlines()) == 1 and not controls(line) for line in particulars(answer))
    assert len(workflow_command(answer, "notice").splitlines()) == 1


def report(text: str) -> list[ServiceReport]:
    at = (NOW - timedelta(hours=3)).isoformat()
    target = {"name": text, "objective": 0.99, "window_days": 30, "error_budget_remaining": 0.5}
    target["error_budget_remaining_most"] = None
    alert = {"severity": text, "rule": text, "acknowledged_by": text}
    change = {"kind": text, "version": text, "at": at}
    override_made = {
        "actor": text, "decision": "ALLOW", "created_at": at, "reason": text, "uses": 2
    }  # fmt: skip
    return [
        ServiceReport(
            service={"name": text, "tier": 1, "owner": text},
            slos=[SloFigures(target, 100, 1)],
            episodes=[Episode(alert, NOW - timedelta(hours=2), None, 1, 0.5, change)],
            more_episodes=1,
            changes=[change],
            notes=[{"at": at, "actor": text, "note": text}],
            blocked=Blocked(1, timedelta(hours=1), timedelta(), [override_made]),
        )
    ]


def written(text: str, output: Format) -> str:
    return write(report(text), WEEK, output)


@hostile
def test_a_report_in_markdown_has_the_signs_of_its_template_alone(text: str) -> None:
    shown = written(text, "md")
    assert not controls(shown)
    assert _form(shown) == _form(written("x", "md"))


def _form(markdown: str) -> list[str]:
    """Return the signs of each line that are not escaped, and how it begins."""
    bare = re.sub(r"\\.", "", markdown)
    return [
        "".join(re.findall(r"^(?:[-#]+ )+|[`*_{}\[\]<>#!|~&@]", line)) for line in bare.split("\n")
    ]


@hostile
def test_a_report_in_html_has_the_elements_of_its_template_alone(text: str) -> None:
    shown = written(text, "html")
    assert not controls(shown)
    assert _elements(shown) == _elements(written("x", "html"))


def _elements(page: str) -> list[str]:
    found: list[str] = []

    class Elements(HTMLParser):
        def handle_starttag(self, tag: str, attrs: object) -> None:
            found.append(f"{tag} {attrs}")

        def handle_comment(self, data: str) -> None:
            found.append(data)

    Elements().feed(page)
    return found
