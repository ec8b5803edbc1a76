"""The pages and the product images, served as nginx serves them on a web server (user_data/nginx_configuration.sh).

A path without an extension that is no file is one that the storefront's own router knows: it gets the start page. Only
a file that was found may be kept. Files are told apart by a digest of what is in them and never by their time: in an
image all of them have the same, also in the next one.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterable
from http import HTTPStatus
from pathlib import Path
from typing import Any, Protocol
from wsgiref.headers import Headers

from werkzeug.exceptions import NotFound
from werkzeug.utils import send_from_directory
from werkzeug.wrappers import Request, Response
from whitenoise import WhiteNoise
from whitenoise.media_types import MediaTypes

ASSETS, PICTURES = "/assets/", "/product-images/"
START_PAGE, NOT_FOUND_PAGE = "/index.html", "/404.html"

ASSET_LASTS, PICTURE_LASTS = "public, max-age=31536000, immutable", "public, max-age=86400, must-revalidate"
FOUND = (HTTPStatus.OK, HTTPStatus.PARTIAL_CONTENT, HTTPStatus.NOT_MODIFIED)

TYPES = {
    ".html": "text/html",
    ".css": "text/css",
    ".js": "text/javascript",
    ".mjs": "text/javascript",
    ".txt": "text/plain",
    ".json": "application/json",
    ".map": "application/json",
    ".webmanifest": "application/manifest+json",
    ".avif": "image/avif",
    ".jpg": "image/jpeg",
    ".jpeg": "image/jpeg",
    ".png": "image/png",
    ".svg": "image/svg+xml",
    ".webp": "image/webp",
    ".ico": "image/x-icon",
    ".woff2": "font/woff2",
}
"""Those of nginx's configuration; of any other, WhiteNoise's opinion."""


class Application(Protocol):
    """An application of WSGI."""

    def __call__(self, environ: dict[str, Any], start_response: Any, /) -> Iterable[bytes]: ...


class Pages:
    """Serves a folder of pages, which does not change while we run."""

    def __init__(self, folder: Path) -> None:
        self._files = WhiteNoise(
            self._no_file,
            root=str(folder),
            max_age=None,
            allow_all_origins=False,
            mimetypes=TYPES,
            add_headers_function=_add_headers,
        )
        self._not_found = (folder / NOT_FOUND_PAGE.lstrip("/")).read_bytes()

    def __call__(self, environ: dict[str, Any], start_response: Any) -> Iterable[bytes]:
        environ.pop("HTTP_IF_MODIFIED_SINCE", None)
        body: Iterable[bytes] = self._files(environ, start_response)
        return body

    def not_found(self, environ: dict[str, Any], start_response: Any) -> Iterable[bytes]:
        page = Response(self._not_found, HTTPStatus.NOT_FOUND, content_type="text/html; charset=utf-8")
        return page(environ, start_response)

    def _no_file(self, environ: dict[str, Any], start_response: Any) -> Iterable[bytes]:
        path = Request(environ).path
        if path.startswith(ASSETS) or "." in path.rsplit("/", 1)[-1]:
            return self.not_found(environ, start_response)
        body: Iterable[bytes] = self._files.serve(self._files.files[START_PAGE], environ, start_response)
        return body


class Pictures:
    """Serves the folder of product images, to which others write while we run."""

    def __init__(self, folder: Path, without: Application) -> None:
        self._folder = folder
        self._without = without
        self._types = MediaTypes(extra_types=TYPES)

    def __call__(self, environ: dict[str, Any], start_response: Any) -> Iterable[bytes]:
        request = Request(environ)
        if request.method not in ("GET", "HEAD"):
            return Response(status=HTTPStatus.METHOD_NOT_ALLOWED, headers={"Allow": "GET, HEAD"})(
                environ, start_response
            )
        path = request.path.removeprefix(PICTURES)
        try:
            found = send_from_directory(self._folder, path, environ)
        except NotFound:
            return self._without(environ, start_response)
        found.headers["Content-Type"] = self._types.get_type(path)
        found.headers["Cache-Control"] = PICTURE_LASTS if found.status_code in FOUND else "no-cache"
        return found(environ, start_response)


def _add_headers(headers: Headers, path: str, url: str) -> None:
    """Say of a file how long it lasts and what it is. One that has two forms, plain and compressed, is weakly the same.

    https://www.rfc-editor.org/rfc/rfc9110#section-8.8.1
    """
    headers["Cache-Control"] = ASSET_LASTS if url.startswith(ASSETS) else "no-cache"
    headers["Content-Type"] = (headers["Content-Type"] or "").replace('"', "")
    weak = "W/" if Path(f"{path}.gz").exists() else ""
    headers["ETag"] = f'{weak}"{hashlib.sha256(Path(path).read_bytes()).hexdigest()[:32]}"'
