"""Where Kafka's jars are fetched from, by settings as companies have them."""

from pathlib import Path

import pytest

from burnline.errors import StackError
from burnline.localstack.maven_settings import Repository, repositories, settings_files

CENTRAL = "https://central.example/maven2"
NAMESPACE = 'xmlns="http://maven.apache.org/SETTINGS/1.2.0"'


def found(tmp_path: Path, *texts: str, **environ: str) -> list[Repository]:
    paths = [tmp_path / f"settings-{number}.xml" for number in range(len(texts))]
    for path, text in zip(paths, texts, strict=True):
        path.write_text(f"<settings {NAMESPACE}>{text}</settings>")
    return repositories(paths, lambda: CENTRAL, environ)


def mirror(of: str, url: str = "https://mirror.example/all", more: str = "") -> str:
    return f"<mirror><id>ours</id><mirrorOf>{of}</mirrorOf><url>{url}</url>{more}</mirror>"


def mirrored(tmp_path: Path, *mirrors: str) -> list[str]:
    return [r.url for r in found(tmp_path, f"<mirrors>{''.join(mirrors)}</mirrors>")]


def test_without_settings_it_is_the_central_repository(tmp_path: Path) -> None:
    assert found(tmp_path) == [Repository(CENTRAL)]


@pytest.mark.parametrize("of", ["*", "central", "external:*", "snapshots,central", "*,!other"])
def test_a_mirror_of_it_takes_its_place(tmp_path: Path, of: str) -> None:
    assert mirrored(tmp_path, mirror(of)) == ["https://mirror.example/all"]


@pytest.mark.parametrize("of", ["other", "*,!central", "external:http:*", "!central"])
def test_a_mirror_of_something_else_does_not(tmp_path: Path, of: str) -> None:
    assert mirrored(tmp_path, mirror(of)) == [CENTRAL]


def test_a_mirror_by_name_goes_before_one_by_pattern(tmp_path: Path) -> None:
    named = mirror("central", "https://named.example")
    assert mirrored(tmp_path, mirror("*"), named) == ["https://named.example"]


def test_what_is_blocked_is_not_asked(tmp_path: Path) -> None:
    assert mirrored(tmp_path, mirror("*", more="<blocked>true</blocked>")) == []


def test_the_central_address_is_asked_for_only_where_it_is_needed(tmp_path: Path) -> None:
    def never() -> str:
        raise AssertionError

    path = tmp_path / "settings.xml"
    path.write_text(f"<settings><mirrors>{mirror('*')}</mirrors></settings>")
    assert [r.url for r in repositories([path], never, {})] == ["https://mirror.example/all"]


@pytest.mark.parametrize("name", ["central", "company"])
@pytest.mark.parametrize("by", ["activeProfiles", "activeByDefault", "nothing"])
def test_repositories_of_active_profiles_are_asked(tmp_path: Path, name: str, by: str) -> None:
    default = "<activation><activeByDefault>true</activeByDefault></activation>"
    text = f"""<profiles><profile><id>p</id>{default if by == "activeByDefault" else ""}
        <repositories><repository><id>{name}</id><url>https://own.example/m</url></repository>
        </repositories></profile></profiles>"""
    if by == "activeProfiles":
        text += "<activeProfiles><activeProfile>p</activeProfile></activeProfiles>"
    own = [] if by == "nothing" else ["https://own.example/m"]
    central = [] if by != "nothing" and name == "central" else [CENTRAL]
    assert [r.url for r in found(tmp_path, text)] == own + central


def test_the_login_of_a_mirror_is_its_server_s_with_variables_filled_in(tmp_path: Path) -> None:
    server = (
        "<server><id>ours</id><username>ci</username><password>${env.SECRET}</password></server>"
    )
    text = f"<mirrors>{mirror('*')}</mirrors><servers>{server}</servers>"
    [place] = found(tmp_path, text, SECRET="s3cret")
    assert place.login == ("ci", "s3cret")
    assert "s3cret" not in repr(place)


def test_an_encrypted_password_is_maven_s_business(tmp_path: Path) -> None:
    server = "<server><id>ours</id><username>ci</username><password>{abc=}</password></server>"
    with pytest.raises(StackError, match=r"encrypted.*install Maven"):
        found(tmp_path, f"<mirrors>{mirror('*')}</mirrors><servers>{server}</servers>")


PROXY = """<proxies><proxy><active>{active}</active><protocol>{protocol}</protocol>
    <host>proxy.example</host><port>3128</port><username>me</username><password>p@ss</password>
    <nonProxyHosts>localhost|*.internal</nonProxyHosts></proxy></proxies>"""


@pytest.mark.parametrize("protocol", ["http", "https"])
def test_a_proxy_is_used_with_its_login(tmp_path: Path, protocol: str) -> None:
    [place] = found(tmp_path, PROXY.format(active="true", protocol=protocol))
    assert place.proxy == "http://me:p%40ss@proxy.example:3128"


def test_a_proxy_that_is_off_or_not_for_this_host_is_not_used(tmp_path: Path) -> None:
    [place] = found(tmp_path, PROXY.format(active="false", protocol="http"))
    assert place.proxy is None
    inside = f"<mirrors>{mirror('*', 'https://nexus.internal/all')}</mirrors>"
    [place] = found(tmp_path, PROXY.format(active="true", protocol="https") + inside)
    assert place.proxy is None


def test_the_user_s_settings_go_before_everyone_s(tmp_path: Path) -> None:
    texts = [
        f"<mirrors>{mirror('*', f'https://{who}.example')}</mirrors>" for who in ("mine", "all")
    ]
    assert [r.url for r in found(tmp_path, *texts)] == ["https://mine.example"]


def test_settings_that_are_no_xml_are_named(tmp_path: Path) -> None:
    path = tmp_path / "settings.xml"
    path.write_text("<settings>")
    with pytest.raises(StackError, match=f"{path} cannot be read as Maven settings"):
        repositories([path], lambda: CENTRAL, {})


def test_settings_say_their_own_encoding(tmp_path: Path) -> None:
    path = tmp_path / "settings.xml"
    mirrors = f"<mirrors>{mirror('*', 'https://mine.example')}</mirrors>"
    head = '<?xml version="1.0" encoding="ISO-8859-1"?>'
    text = f"{head}<settings>{mirrors}<!-- f\u00fcr --></settings>"
    path.write_bytes(text.encode("latin-1"))
    assert [r.url for r in repositories([path], lambda: CENTRAL, {})] == ["https://mine.example"]


@pytest.mark.parametrize("given", ["-s 'open", "-s"])
def test_maven_args_that_make_no_sense_are_named(given: str) -> None:
    with pytest.raises(StackError, match="MAVEN_ARGS cannot be read"):
        settings_files({"MAVEN_ARGS": given})


def test_maven_args_say_which_files_are_read(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("HOME", str(tmp_path / "home"))
    assert settings_files({}) == []
    users = tmp_path / "home" / ".m2" / "settings.xml"
    mine, everyones = tmp_path / "my settings.xml", tmp_path / "maven" / "conf" / "settings.xml"
    for path in (users, mine, everyones):
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text("<settings/>")
    assert settings_files({"MAVEN_HOME": str(tmp_path / "maven")}) == [users, everyones]
    assert settings_files({"MAVEN_ARGS": f"-B -s '{mine}' -gs={everyones}"}) == [mine, everyones]
    assert settings_files({"MAVEN_ARGS": f"--settings={tmp_path}/none"}) == []
