"""The dashboard's files under the gateway's own address, ready in memory, with strict headers."""

import hashlib
import mimetypes
from dataclasses import dataclass
from pathlib import Path

from starlette.applications import Starlette
from starlette.convertors import StringConvertor, register_url_convertor
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import BaseRoute, Match, Route
from starlette.types import Receive, Scope, Send

HEADERS = {
    "Content-Security-Policy": "default-src 'none'; script-src 'self'; connect-src 'self'; "
    # the styles of menus and charts are set by scripts, which are our own
    "style-src 'self' 'unsafe-inline'; img-src 'self' data:; font-src 'self'; "
    "base-uri 'none'; form-action 'self'; frame-ancestors 'none'",
}
FOR_EVER = "public, max-age=31536000, immutable"
ANEW = "no-cache"


class PageConvertor(StringConvertor):
    """Paths of pages: whatever is neither an operation's nor a file's."""

    regex = r"(?!api(?:/|$)|v1/|docs|redoc|openapi|metrics|healthz|readyz|assets/)[^.]*"


register_url_convertor("page", PageConvertor())


@dataclass(frozen=True, slots=True)
class PageFile:
    """A file as it is sent; `packed` is its gzip form, made when the dashboard was built."""

    body: bytes
    packed: bytes | None
    media_type: str
    etag: str
    cache: str

    def answer(self, request: Request) -> Response:
        """Return the file, packed for who can unpack it."""
        headers = {**HEADERS, "ETag": self.etag, "Cache-Control": self.cache}
        if request.headers.get("If-None-Match") == self.etag:
            return Response(status_code=304, headers=headers)
        body = self.body
        if self.packed is not None:
            headers["Vary"] = "Accept-Encoding"
            if "gzip" in request.headers.get("Accept-Encoding", ""):
                headers["Content-Encoding"] = "gzip"
                body = self.packed
        return Response(body, media_type=self.media_type, headers=headers)


class Pages(BaseRoute):
    """The files of a dashboard, from the moment on that its folder is there.

    Every page is the same document: which one it shows, its script reads from the address.
    """

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._routes: list[Route] = []

    def matches(self, scope: Scope) -> tuple[Match, Scope]:
        """Match what one of the files matches."""
        if not self._routes and (self._folder / "index.html").is_file():
            self._routes = _routes(self._folder)
        matches = (route.matches(scope) for route in self._routes)
        return next((m for m in matches if m[0] is not Match.NONE), (Match.NONE, {}))

    async def handle(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer with the file that matches."""
        fitting = (r for r in self._routes if r.matches(scope)[0] is not Match.NONE)
        await next(fitting).handle(scope, receive, send)


def add_pages(app: Starlette, folder: Path | None) -> None:
    """Serve a dashboard, which may still be being built; add nothing where there is none."""
    if folder is not None:
        app.router.routes.append(Pages(folder))


def _routes(folder: Path) -> list[Route]:
    files = {
        path.relative_to(folder).as_posix(): _read(folder, path)
        for path in sorted(folder.rglob("*"))
        if path.is_file() and path.suffix != ".gz"
    }
    index = files.pop("index.html")
    return [*(_route(f"/{n}", file) for n, file in files.items()), _route("/{page:page}", index)]


def _route(path: str, file: PageFile) -> Route:
    async def endpoint(request: Request) -> Response:
        return file.answer(request)

    return Route(path, endpoint, methods=["GET"], include_in_schema=False)


def _read(folder: Path, path: Path) -> PageFile:
    body = path.read_bytes()
    packed = path.with_name(f"{path.name}.gz")
    media_type = mimetypes.guess_type(path.name)[0] or "application/octet-stream"
    hashed = path.parent == folder / "assets"  # the name changes with the content
    return PageFile(
        body=body,
        packed=packed.read_bytes() if packed.is_file() else None,
        media_type=media_type,
        etag=f'"{hashlib.sha256(body).hexdigest()[:32]}"',
        cache=FOR_EVER if hashed else ANEW,
    )
