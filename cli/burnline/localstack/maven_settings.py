"""Where files of a Maven repository are fetched from, by the user's own Maven settings.

Read are mirrors, proxies, logins, and the repositories of active profiles. Proxies of the
environment are the business of the client that fetches.
"""

import argparse
import fnmatch
import os
import re
import shlex
import xml.etree.ElementTree as ET
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final
from urllib.parse import quote, urlsplit

from burnline.errors import StackError

CENTRAL: Final = "central"
PLACEHOLDER: Final = re.compile(r"\$\{(?:env\.([^}]+)|user\.home)\}")


@dataclass(frozen=True, slots=True)
class Repository:
    """An address to fetch from, the login it asks for, and the proxy on the way to it."""

    url: str
    login: tuple[str, str] | None = field(default=None, repr=False)
    proxy: str | None = field(default=None, repr=False)


def settings_files(environ: Mapping[str, str] = os.environ) -> list[Path]:
    """The settings that Maven would read: the user's, or those of MAVEN_ARGS, then everyone's."""
    parser = argparse.ArgumentParser(add_help=False, allow_abbrev=False, exit_on_error=False)
    parser.add_argument("-s", "--settings", default=str(Path.home() / ".m2" / "settings.xml"))
    home = environ.get("MAVEN_HOME") or environ.get("M2_HOME")
    parser.add_argument("-gs", "--global-settings", default=home and f"{home}/conf/settings.xml")
    try:
        given, _ = parser.parse_known_args(shlex.split(environ.get("MAVEN_ARGS", "")))
    except (ValueError, argparse.ArgumentError) as error:
        raise StackError(f"MAVEN_ARGS cannot be read: {error}") from error
    paths = [Path(path) for path in (given.settings, given.global_settings) if path]
    return [path for path in paths if path.is_file()]


def repositories(
    files: Iterable[Path], central_url: Callable[[], str], environ: Mapping[str, str] = os.environ
) -> list[Repository]:
    """Where to look, the first first; `central_url` is asked only where no settings replace it.

    Raises StackError for settings that cannot be read, or that only Maven can read.
    """
    roots = [_parse(path, environ) for path in files]
    declared = dict(_active_repositories(roots))
    found: dict[str, Repository] = {}
    for name in declared if CENTRAL in declared else [*declared, CENTRAL]:
        mirror = _mirror_of(roots, name, declared.get(name, "https:"))
        if mirror is not None and _text(mirror, "blocked") == "true":
            continue
        login_name = name if mirror is None else _text(mirror, "id")
        url = (declared.get(name) or central_url()) if mirror is None else _text(mirror, "url")
        found.setdefault(url, Repository(url, _login(roots, login_name), _proxy(roots, url)))
    return list(found.values())


def _parse(path: Path, environ: Mapping[str, str]) -> ET.Element:
    def value(match: re.Match[str]) -> str:
        return environ.get(match[1], "") if match[1] else str(Path.home())

    try:
        root = ET.fromstring(path.read_bytes())  # noqa: S314 - the user's own settings
    except (ET.ParseError, OSError, UnicodeDecodeError) as error:
        raise StackError(f"{path} cannot be read as Maven settings: {error}") from error
    for element in root.iter():
        element.text = PLACEHOLDER.sub(value, element.text or "").strip()
    return root


def _each(roots: list[ET.Element], path: str) -> Iterator[ET.Element]:
    """Yield the elements at a path of names, whatever their namespace."""
    anywhere = "/".join(f"{{*}}{name}" for name in path.split("/"))
    return (element for root in roots for element in root.findall(anywhere))


def _text(element: ET.Element, name: str) -> str:
    return element.findtext(f"{{*}}{name}") or ""


def _active_repositories(roots: list[ET.Element]) -> Iterator[tuple[str, str]]:
    active = {element.text for element in _each(roots, "activeProfiles/activeProfile")}
    for profile in _each(roots, "profiles/profile"):
        by_default = profile.findtext("{*}activation/{*}activeByDefault") == "true"
        if by_default or _text(profile, "id") in active:
            for repository in _each([profile], "repositories/repository"):
                yield _text(repository, "id"), _text(repository, "url")


def _mirror_of(roots: list[ET.Element], name: str, url: str) -> ET.Element | None:
    mirrors = list(_each(roots, "mirrors/mirror"))
    named = (mirror for mirror in mirrors if _text(mirror, "mirrorOf") == name)
    fitting = (mirror for mirror in mirrors if _covers(_text(mirror, "mirrorOf"), name, url))
    return next(named, None) or next(fitting, None)


def _covers(patterns: str, name: str, url: str) -> bool:
    is_external = urlsplit(url).hostname not in {"localhost", "127.0.0.1"}
    wide = {"*": True, "external:*": is_external}
    wide["external:http:*"] = is_external and url.startswith("http:")
    words = [word.strip() for word in patterns.split(",")]
    return f"!{name}" not in words and any(w == name or wide.get(w, False) for w in words)


def _login(roots: list[ET.Element], name: str) -> tuple[str, str] | None:
    for server in _each(roots, "servers/server"):
        if _text(server, "id") == name and _text(server, "username"):
            return _text(server, "username"), _readable(_text(server, "password"), name)
    return None


def _readable(password: str, name: str) -> str:
    if password.startswith("{") and password.endswith("}"):
        raise StackError(
            f"the password of {name} in the Maven settings is encrypted, which Maven alone can "
            "read: install Maven (mvn)"
        )
    return password


def _proxy(roots: list[ET.Element], url: str) -> str | None:
    active = [p for p in _each(roots, "proxies/proxy") if _text(p, "active") != "false"]
    by_scheme = {_text(proxy, "protocol") or "http": proxy for proxy in reversed(active)}
    parts = urlsplit(url)
    proxy = by_scheme.get(parts.scheme) or by_scheme.get("http")
    if proxy is None:
        return None
    direct = _text(proxy, "nonProxyHosts").split("|")
    if any(fnmatch.fnmatch(parts.hostname or "", pattern) for pattern in direct):
        return None
    user, password = _text(proxy, "username"), _readable(_text(proxy, "password"), "the proxy")
    login = f"{quote(user, safe='')}:{quote(password, safe='')}@" if user else ""
    return f"http://{login}{_text(proxy, 'host')}:{_text(proxy, 'port') or '8080'}"
