"""Serve the pages of a corpus to a browser on this machine, and to nothing else.

* The server listens on the loopback address alone.
* Every address contains a random token, which only the terminal has shown.
* A request must name this server in ``Host``. So a page of another site cannot reach it by a name
  that resolves to this machine (DNS rebinding).
* Only GET and HEAD are answered, and nothing is ever written.
* No page has a script, and the policy of the pages allows none. No other site may read an answer:
  there is no CORS header, and requests that a browser marks as another site's are refused.

Pages are made one at a time, so that several windows need no more memory than one. Nothing is
logged: an address contains the words that were searched for.
"""

from __future__ import annotations

import hmac
import secrets
import socketserver
import sys
import threading
import traceback
from collections.abc import Callable
from http import HTTPStatus
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any
from urllib.parse import parse_qsl

from corpus.errors import CorpusError
from corpus.view.pages import Page, Pages, read_styles

HOST = "127.0.0.1"
#: Characters of an address.
MAX_ADDRESS = 4_000
_TOKEN_BYTES = 24
_IDLE_SECONDS = 30
_METHODS = ("GET", "HEAD")
_HTML, _CSS, _TEXT = (f"text/{kind}; charset=utf-8" for kind in ("html", "css", "plain"))
_HEADERS = {
    "Content-Security-Policy": (
        "default-src 'none'; style-src 'self'; form-action 'self'; base-uri 'none'; "
        "frame-ancestors 'none'"
    ),
    "X-Content-Type-Options": "nosniff",
    "Referrer-Policy": "no-referrer",
    "Cross-Origin-Resource-Policy": "same-origin",
    "Cross-Origin-Opener-Policy": "same-origin",
    "Cache-Control": "no-store",
}


class ViewServer(ThreadingHTTPServer):
    """The server of one corpus; ``address`` is that of its first page, with the token."""

    daemon_threads = True

    def __init__(self, pages: Pages, port: int = 0) -> None:
        """Listen on ``port``; 0 is a free one. OSError if it is taken."""
        super().__init__((HOST, port), _Handler)
        self.pages = pages
        self.token = secrets.token_urlsafe(_TOKEN_BYTES)
        self.making_page = threading.Lock()

    def server_bind(self) -> None:
        """Bind without asking for the name of the address, which could be a query to a network."""
        socketserver.TCPServer.server_bind(self)
        self.server_name, self.server_port = HOST, self.socket.getsockname()[1]

    @property
    def address(self) -> str:
        """The address of the first page."""
        return f"http://{HOST}:{self.server_port}/{self.token}/"

    @property
    def hosts(self) -> tuple[str, ...]:
        """What a request may name as the host."""
        return tuple(f"{name}:{self.server_port}" for name in (HOST, "localhost"))

    def handle_error(self, request: Any, client_address: Any) -> None:
        """Say nothing of a connection that broke: the message could contain an address."""


class _Handler(BaseHTTPRequestHandler):
    server: ViewServer
    timeout = _IDLE_SECONDS

    def parse_request(self) -> bool:
        """Read the head of a request; answer one that is no business of this server."""
        if not super().parse_request():
            return False
        refusal = self._find_refusal()
        if refusal:
            self.send_error(*refusal)
        return refusal is None

    def _find_refusal(self) -> tuple[HTTPStatus, str] | None:
        if self.headers.get_all("Host", []) not in [[host] for host in self.server.hosts]:
            return HTTPStatus.FORBIDDEN, "this server has another name"
        if self.headers.get("Sec-Fetch-Site", "none") not in ("none", "same-origin"):
            return HTTPStatus.FORBIDDEN, "another site asked"
        if self.command not in _METHODS:
            return HTTPStatus.METHOD_NOT_ALLOWED, "only GET and HEAD are answered"
        if len(self.path) > MAX_ADDRESS:
            return HTTPStatus.REQUEST_URI_TOO_LONG, "the address is too long"
        return None

    def do_GET(self) -> None:
        """Answer with a page, or with the style."""
        path, _, query = self.path.partition("?")
        token, slash, name = path.removeprefix("/").partition("/")
        expected = self.server.token.encode()
        if not hmac.compare_digest(token.encode(errors="replace"), expected) or not slash:
            self.send_error(HTTPStatus.NOT_FOUND, "no such page: use the address in the terminal")
            return
        if name == "style.css":
            self._send(read_styles(), _CSS)
            return
        pages: dict[str, Callable[[dict[str, str]], Page]] = {
            "": self.server.pages.make_posts_page,
            "thresholds": self.server.pages.make_thresholds_page,
        }
        if name not in pages:
            self.send_error(HTTPStatus.NOT_FOUND, "no such page")
            return
        try:
            fields = dict(parse_qsl(query, keep_blank_values=True, max_num_fields=300))
        except ValueError:
            self.send_error(HTTPStatus.BAD_REQUEST, "too many fields")
            return
        try:
            with self.server.making_page:
                page = pages[name](fields)
        except (CorpusError, OSError) as error:
            words = error if isinstance(error, CorpusError) else error.strerror
            self.send_error(HTTPStatus.SERVICE_UNAVAILABLE, f"the corpus cannot be read: {words}")
            return
        except Exception as error:
            _print_place(error)
            kind = type(error).__name__
            self.send_error(HTTPStatus.INTERNAL_SERVER_ERROR, f"{kind}; the terminal says where")
            return
        self._send(page.html, _HTML, HTTPStatus(page.status))

    do_HEAD = do_GET

    def send_error(self, code: int, message: str | None = None, explain: str | None = None) -> None:
        """Answer in plain text."""
        status = HTTPStatus(code)
        self.close_connection = True
        self._send(f"{status.value} {message or status.phrase}\n", _TEXT, status)

    def _send(self, text: str, kind: str, status: HTTPStatus = HTTPStatus.OK) -> None:
        content = text.encode("utf-8", errors="replace")
        self.send_response(status)
        for name, value in _HEADERS.items():
            self.send_header(name, value)
        self.send_header("Content-Type", kind)
        self.send_header("Content-Length", str(len(content)))
        if status == HTTPStatus.METHOD_NOT_ALLOWED:
            self.send_header("Allow", ", ".join(_METHODS))
        self.end_headers()
        if self.command != "HEAD":
            self.wfile.write(content)

    def version_string(self) -> str:
        """Return what the header ``Server`` says."""
        return "corpus-view"

    def log_message(self, format: str, *args: Any) -> None:
        """Log nothing."""


def _print_place(error: Exception) -> None:
    """Print where an error is; its message could contain the text of a post."""
    frames = traceback.extract_tb(error.__traceback__)
    where = "".join(f"  {each.filename}, line {each.lineno}, {each.name}\n" for each in frames)
    print(f"corpus: {type(error).__name__} in a page\n{where}", end="", file=sys.stderr)
