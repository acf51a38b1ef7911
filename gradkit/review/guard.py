"""Refuse requests that do not come from a page of this application, and restrict its pages."""

from __future__ import annotations

import hmac
from collections.abc import Mapping
from typing import TYPE_CHECKING
from urllib.parse import unquote

if TYPE_CHECKING:
    from starlette.types import ASGIApp, Message, Receive, Scope, Send

MAX_BODY = 2_000_000
"""Largest number of bytes of a form."""

POLICY = (
    "default-src 'none'; base-uri 'none'; form-action 'self'; frame-ancestors 'none'; "
    "connect-src 'self'; img-src data:; script-src 'self'; style-src 'self'"
)
"""Content security policy: style and script of the server's own files, and nothing else."""

HEADERS: Mapping[str, str] = {
    "content-security-policy": POLICY,
    "cache-control": "no-store",
    "cross-origin-opener-policy": "same-origin",
    "cross-origin-resource-policy": "same-origin",
    # Not "no-referrer": browsers would then send the origin "null" with forms.
    "referrer-policy": "same-origin",
    "x-content-type-options": "nosniff",
    "x-frame-options": "DENY",
}
"""Headers of every response."""


class Guard:
    """Wrap an application, and answer refused requests in its place.

    Parameters
    ----------
    app : ASGI application
    token : str
        First part of the path of every request.
    hosts : sequence of str
        Allowed values of the header Host, with the port.
    """

    def __init__(self, app: ASGIApp, token: str, hosts: tuple[str, ...]) -> None:
        self._app, self._token, self._hosts = app, token.encode(), hosts

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Refuse a request or pass it to the application; add `HEADERS` to the response.

        ``scope`` describes the request, and ``receive`` and ``send`` are its channels, see the ASGI
        specification.
        """
        if scope["type"] == "lifespan":
            await self._app(scope, receive, send)
            return

        async def send_with_headers(message: Message) -> None:
            if message["type"] == "http.response.start":
                added = [(name.encode(), value.encode()) for name, value in HEADERS.items()]
                message["headers"] = [*message.get("headers", ()), *added]
            await send(message)

        refusal = self._refuse(scope)
        if refusal is None:
            await self._app(scope, receive, send_with_headers)
            return
        # Imported here, as starlette is only installed with the extra `review`.
        from starlette.responses import PlainTextResponse

        status, text = refusal
        await PlainTextResponse(text, status)(scope, receive, send_with_headers)

    def _refuse(self, scope: Scope) -> tuple[int, str] | None:
        """Return the HTTP status and the text of a refusal; None if the request is allowed.

        ``scope`` describes the request, see the ASGI specification. A request is refused if its
        host or token is wrong, if a page of another site has sent it, or if its form is too large.
        """
        if scope["type"] != "http":
            return 404, "Not found."
        headers = {name.decode("latin-1"): value for name, value in scope["headers"]}
        host = headers.get("host", b"").decode("latin-1")
        if host not in self._hosts:
            return 403, "Refused: this server answers on 127.0.0.1 only."
        first = unquote(scope["path"]).lstrip("/").partition("/")[0]
        if not hmac.compare_digest(first.encode("utf-8", "surrogatepass"), self._token):
            return 404, "Not found. Open the address that `gradkit review` printed."
        if headers.get("sec-fetch-site", b"none") not in (b"same-origin", b"none"):
            return 403, "Refused: the request comes from another site."
        if scope["method"] not in ("GET", "HEAD"):
            if headers.get("origin", b"") != f"http://{host}".encode("latin-1"):
                return 403, "Refused: the request comes from another site."
            length = headers.get("content-length", b"")
            if not length.isdigit() or int(length) > MAX_BODY:
                return 413, f"Refused: a form may have {MAX_BODY} bytes at most."
        return None
