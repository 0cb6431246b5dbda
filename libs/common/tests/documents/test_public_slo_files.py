"""The public files of Sloth, Pyrra and OpenSLO: what each becomes, checked by hand.

They are not part of this repository; BURNLINE_SLO_FILES names the folder that holds them.
"""

import os
from pathlib import Path
from typing import Final

import pytest

from common.documents.lint import documents, lint
from common.documents.writer import as_yaml

VARIABLE: Final = "BURNLINE_SLO_FILES"
pytestmark = pytest.mark.skipif(
    not os.environ.get(VARIABLE), reason=f"{VARIABLE} does not name the folder of the files"
)

_SLOTH: Final = {"window_assumed", "alerting_left_out"}
_LABELLED: Final = {*_SLOTH, "label_as_annotation"}
_NAMELESS: Final = {"service_assumed"}
_ANY: Final = {"left_out", "source_unspecified"}
NOTES: Final[dict[str, list[set[str]]]] = {
    "sloth/getting-started.yml": [_LABELLED],
    # gauges in subqueries have no counts; `or vector(0)` stays in the query
    "sloth/home-wifi.yml": [{*_SLOTH, "read_as_slices"}],
    "sloth/k8s-getting-started.yml": [_LABELLED],
    "sloth/multifile.yml": [_LABELLED, _LABELLED],
    "sloth/no-alerts.yml": [_SLOTH],
    "sloth/openslo-getting-started.yml": [set()],
    "sloth/plugin-getting-started.yml": [_LABELLED],
    "sloth/raw-home-wifi.yml": [{*_SLOTH, "read_as_slices"}],
    "pyrra/caddy-response-latency.yaml": [_NAMELESS],
    # its latency counts only failed requests as good: the file is wrong, and says so now
    "pyrra/nginx.yaml": [_NAMELESS, {*_NAMELESS, "success_is_narrower"}],
    "pyrra/parca-grpc-queryrange-errors.yaml": [_NAMELESS],
    "pyrra/prometheus-http.yaml": [{*_NAMELESS, "groups_together"}],
    "pyrra/prometheus-operator.yaml": [_NAMELESS],
    "pyrra/prometheus-probe-success.yaml": [{*_NAMELESS, "groups_together", "read_as_slices"}],
    "pyrra/pyrra-connect-errors.yaml": [{*_NAMELESS, "groups_together"}],
    "pyrra/pyrra-connect-latency.yaml": [{*_NAMELESS, "groups_together"}],
    "pyrra/pyrra-filesystem-errors.yaml": [_NAMELESS],
    "pyrra/slo-apiserver-read-cluster-latency.yaml": [_NAMELESS],
    "pyrra/slo-coredns-response-errors.yaml": [_NAMELESS],
    "openslo/budgeting-method-occurences-slo.yaml": [_ANY],
    "openslo/budgeting-method-ratio-timeslices.yaml": [{*_ANY, "op_left_out"}],
    # two objectives, and a calendar of 1m, by which its author means a month
    "openslo/budgeting-method-timeslices-slo.yaml": [
        {*_ANY, "op_left_out", "minute_read_as_month", "calendar_start_left_out", "objective_split"}
    ],
    "openslo/treat-low-traffic-as-equally-important-timeslices-slo.yaml": [
        {*_ANY, "op_left_out", "calendar_start_left_out"}
    ],
}
"""By file: the codes of the notes of each document; all are imported."""


def folder() -> Path:
    return Path(os.environ[VARIABLE])


def test_every_file_of_the_folder_is_in_the_table() -> None:
    found = {
        f"{path.parent.name}/{path.name}"
        for path in folder().glob("*/*.y*ml")
        if path.parent.name in {"sloth", "pyrra", "openslo"}
    }
    assert found == set(NOTES)


@pytest.mark.parametrize("name", NOTES)
def test_a_public_file_is_imported_with_the_notes_that_were_checked(name: str) -> None:
    found = lint([(name, (folder() / name).read_text())])
    assert [(entry.code, {note.code for note in entry.notes}) for entry in found] == [
        ("", codes) for codes in NOTES[name]
    ]
    written = as_yaml(documents(found))
    assert as_yaml(documents(lint([("again", written)]))) == written
