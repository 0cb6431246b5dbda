"""What `burnline gate check` prints: for people, for programs, for GitHub Actions."""

import json
import os
from collections.abc import Mapping
from pathlib import Path
from typing import Any, Literal

Format = Literal["text", "json", "github"]
Level = Literal["notice", "warning", "error"]


def report(answer: Mapping[str, Any], output: Format, level: Level) -> str:
    """Return the answer as text for standard output; `github` writes its files beside."""
    if output == "json":
        return json.dumps(answer)
    if output == "github":
        write_github_files(answer, os.environ)
        return workflow_command(answer, level)
    return "\n".join([headline(answer), *(f"  {line}" for line in particulars(answer))])


def headline(answer: Mapping[str, Any]) -> str:
    """Return the decision in one line."""
    version = f" {answer['version']}" if answer.get("version") else ""
    meaning = "may be released" if answer["allowed"] else "must wait"
    subject = f"{answer['service_name']}{version}, {answer['change_class']}"
    return f"{answer['decision']}: {subject}: {meaning}"


def particulars(answer: Mapping[str, Any]) -> list[str]:
    """Return why, and what stands behind it."""
    lines = [f"{reason['code']}: {reason['message']}" for reason in answer["reasons"]]
    if override := answer.get("override"):
        uses = f", use {override['uses']} of {override['max_uses']}" if override["max_uses"] else ""
        lines.append(
            f"override {override['id']} by {override['actor']}{uses}: {override['reason']}"
        )
    if answer.get("unblocked_at"):
        lines.append(f"expected to end at {answer['unblocked_at']} if no more errors come")
    name = answer["decision_id"] or "none yet"
    age = f"{answer['data_age_seconds']:.0f} s"
    lines.append(f"risk {answer['risk_level']}, data {age} old, decision {name}")
    return lines


def workflow_command(answer: Mapping[str, Any], level: Level) -> str:
    """Return the command that makes an annotation of a workflow's run."""
    title = _escaped(f"Release gate: {answer['decision']}").replace(":", "%3A").replace(",", "%2C")
    message = _escaped("\n".join([headline(answer), *particulars(answer)]))
    return f"::{level} title={title}::{message}"


def write_github_files(answer: Mapping[str, Any], environ: Mapping[str, str]) -> None:
    """Append the step's outputs and its summary to the files that the runner names."""
    if outputs := environ.get("GITHUB_OUTPUT"):
        names = ("decision", "risk_level", "decision_id", "expires_at")
        lines = [f"allowed={str(answer['allowed']).lower()}"]
        lines += [f"{name}={answer[name]}" for name in names]
        _append(outputs, lines)
    if summary := environ.get("GITHUB_STEP_SUMMARY"):
        text = ["### Release gate", "", headline(answer), ""]
        _append(summary, [*text, *(f"- {line}" for line in particulars(answer)), ""])


def _append(file: str, lines: list[str]) -> None:
    with Path(file).open("a", encoding="utf-8") as target:
        target.writelines(f"{line}\n" for line in lines)


def _escaped(text: str) -> str:
    return text.replace("%", "%25").replace("\r", "%0D").replace("\n", "%0A")
