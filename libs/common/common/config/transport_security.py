"""Configure TLS towards the servers, and refuse plaintext beyond this machine."""

import ssl
from collections.abc import Collection, Iterable
from dataclasses import dataclass
from ipaddress import ip_address
from pathlib import Path
from urllib.parse import parse_qsl, urlencode, urlsplit

SslMode = str
"""As libpq has them: disable, allow, prefer, require, verify-ca, verify-full."""

ENCRYPTED_MODES = frozenset({"require", "verify-ca", "verify-full"})
"""The others let PostgreSQL, or whoever answers in its place, choose plaintext."""

_URL_OPTIONS = ("sslmode", "sslrootcert", "sslcert", "sslkey")


@dataclass(frozen=True, slots=True)
class TlsFiles:
    """PEM files: the CA (None: the machine's), and the client's certificate and key, if any."""

    ca: Path | None = None
    certificate: Path | None = None
    key: Path | None = None


def client_context(
    files: TlsFiles,
    *,
    key_password: str | None = None,
    verify: bool = True,
    check_hostname: bool = True,
) -> ssl.SSLContext:
    """Return a client's context. Raises ValueError for files without certificates or keys."""
    try:
        context = ssl.create_default_context(cafile=files.ca)
        if files.certificate is not None:
            context.load_cert_chain(files.certificate, files.key, key_password or "")
    except (OSError, ssl.SSLError) as error:
        raise ValueError(f"the certificate files cannot be used: {error}") from None
    context.check_hostname = verify and check_hostname
    context.verify_mode = ssl.CERT_REQUIRED if verify else ssl.CERT_NONE
    return context


def is_here(host: str) -> bool:
    """Return whether a host is this machine, so that no network is between."""
    name = host.strip("[]").lower()
    if name in {"", "localhost"} or name.startswith("/"):  # a path is a socket's
        return True
    try:
        return ip_address(name).is_loopback
    except ValueError:
        return False


def check_fetchable(variable: str, url: str | None) -> None:
    """Raise ValueError for a URL whose response could be forged on the way."""
    parts = urlsplit(url or "https://localhost")
    if parts.scheme != "https" and not (parts.scheme == "http" and is_here(parts.hostname or "-")):
        raise ValueError(f"{variable} has to begin with https://: whom to trust is read there")


def refuse_plaintext(name: str, hosts: Iterable[str], allowed: Collection[str], fix: str) -> None:
    """Raise ValueError where plaintext would be sent to another machine, unless allowed."""
    elsewhere = [host for host in hosts if not is_here(host)]
    if elsewhere and name not in allowed:
        raise ValueError(
            f"{name} at {elsewhere[0]} would be spoken to in plaintext over a network: {fix}; or, "
            f"where the network itself is private, put `{name}` into BURNLINE_ALLOW_PLAINTEXT"
        )


@dataclass(frozen=True, slots=True)
class PostgresAddress:
    """An address without its TLS options, those options, and its hosts."""

    url: str
    mode: SslMode | None
    files: TlsFiles
    hosts: tuple[str, ...]

    def ssl(self) -> ssl.SSLContext | str | bool | None:
        """Return asyncpg's `ssl`: None leaves its own default, which prefers TLS.

        As in libpq, `require` does not verify the server unless there is a CA file.
        """
        if self.mode == "disable":
            return False
        if self.mode not in ENCRYPTED_MODES:
            return self.mode
        verify = self.mode != "require" or self.files.ca is not None
        return client_context(self.files, verify=verify, check_hostname=self.mode == "verify-full")


def postgres_address(url: str, mode: SslMode | None, files: TlsFiles) -> PostgresAddress:
    """Split the TLS options off a URL; those that are given separately take precedence."""
    place, _, text = url.partition("?")
    query = parse_qsl(text, keep_blank_values=True)
    options = {name: value for name, value in query if name in _URL_OPTIONS and value}
    rest = [(name, value) for name, value in query if name not in _URL_OPTIONS]
    places = urlsplit(place).netloc.rpartition("@")[2].split(",")
    hosts = [value for name, value in rest if name == "host"] + [_host_of(p) for p in places]
    return PostgresAddress(
        url=f"{place}?{urlencode(rest, safe='/:')}" if rest else place,
        mode=mode or options.get("sslmode"),
        files=TlsFiles(
            files.ca or _path(options.get("sslrootcert")),
            files.certificate or _path(options.get("sslcert")),
            files.key or _path(options.get("sslkey")),
        ),
        hosts=tuple(host for host in hosts if host),
    )


def _host_of(place: str) -> str:
    """Return the host of `host:port`, whose host may be an IPv6 address in brackets."""
    return place[1:].partition("]")[0] if place.startswith("[") else place.partition(":")[0]


def _path(text: str | None) -> Path | None:
    return Path(text) if text else None
