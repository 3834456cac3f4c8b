"""A real S3 server on loopback (moto), and a proxy before it that has bad days on order."""

from __future__ import annotations

import contextlib
import http.client
import socket
import subprocess
import sys
import threading
import time
import urllib.request
from collections.abc import Callable
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

from tests.support.processes import is_up, wait_until

Applies = Callable[[str, str], bool]


@dataclass
class Fault:
    """What goes wrong with the next ``times`` requests that ``applies`` (method, path) picks."""

    kind: str  # "500", "hang", "cut", "stale"
    applies: Applies
    times: int
    seen: int = 0
    stale: bytes | None = None  # the answer that a late listing goes on giving


@dataclass
class Log:
    """What went through the proxy."""

    requests: list[tuple[str, str]] = field(default_factory=list)
    sent: int = 0  # bytes of objects that were handed out


class Proxy:
    """Passes requests on to ``port``, but for those that a fault is waiting for."""

    def __init__(self, port: int) -> None:
        self.faults: list[Fault] = []
        self.log = Log()
        self._upstream_port = port
        self._lock = threading.Lock()
        proxy = self

        class Handler(BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"
            disable_nagle_algorithm = True  # else each answer waits 40 ms for the client

            def handle_any(self) -> None:
                proxy.answer(self, port)

            do_GET = do_PUT = do_POST = do_HEAD = do_DELETE = handle_any

            def log_message(self, *_: Any) -> None:
                pass

        class Server(ThreadingHTTPServer):
            daemon_threads = True

            def handle_error(self, *_: Any) -> None:
                pass

        self._server = Server(("127.0.0.1", 0), Handler)
        self.port = self._server.server_address[1]
        threading.Thread(target=self._server.serve_forever, daemon=True).start()

    def fault(self, kind: str, applies: Applies, times: int = 1) -> Fault:
        """Order a fault."""
        self.faults.append(Fault(kind, applies, times))
        return self.faults[-1]

    def reset(self) -> None:
        """Empty the server, the log and the faults."""
        url = f"http://127.0.0.1:{self._upstream_port}/moto-api/reset"
        urllib.request.urlopen(urllib.request.Request(url, method="POST")).close()
        self.faults.clear()
        self.log = Log()

    def close(self) -> None:
        """Stop listening."""
        self._server.shutdown()
        self._server.server_close()

    def _due(self, method: str, path: str) -> Fault | None:
        with self._lock:
            self.log.requests.append((method, path))
            for fault in self.faults:
                if fault.seen < fault.times and fault.applies(method, path):
                    fault.seen += 1
                    return fault
        return None

    def answer(self, asked: BaseHTTPRequestHandler, port: int) -> None:
        """Answer one request."""
        fault = self._due(asked.command, asked.path)
        length = int(asked.headers.get("Content-Length") or 0)
        if fault and fault.kind == "cut" and asked.command in ("PUT", "POST"):
            asked.rfile.read(length // 2)
            self._hang_up(asked)
            return
        body = asked.rfile.read(length)
        if fault and fault.kind == "hang":
            time.sleep(5)
            self._hang_up(asked)
            return
        if fault and fault.kind == "500":
            asked.send_response(500)
            asked.send_header("Content-Length", "0")
            asked.end_headers()
            return
        upstream = http.client.HTTPConnection("127.0.0.1", port)
        upstream.request(asked.command, asked.path, body, dict(asked.headers))
        answer = upstream.getresponse()
        data = answer.read()
        if fault and fault.kind == "stale":
            fault.stale = data = fault.stale or data
        asked.send_response(answer.status)
        for name, value in answer.getheaders():
            if name.lower() not in ("connection", "transfer-encoding", "content-length", "date"):
                asked.send_header(name, value)
        told = answer.getheader("Content-Length") if asked.command == "HEAD" else None
        asked.send_header("Content-Length", told or str(len(data)))
        asked.end_headers()
        if asked.command == "HEAD":
            return
        if fault and fault.kind == "cut":
            asked.wfile.write(data[: len(data) // 2])
            asked.wfile.flush()
            self._hang_up(asked)
            return
        with self._lock:
            self.log.sent += len(data)
        asked.wfile.write(data)

    def _hang_up(self, asked: BaseHTTPRequestHandler) -> None:
        asked.close_connection = True
        with contextlib.suppress(OSError):
            asked.connection.shutdown(socket.SHUT_RDWR)


def start_server() -> tuple[subprocess.Popen[bytes], int]:
    """``python -m moto.server``: S3 and more, in memory, without keys."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    command = [sys.executable, "-m", "moto.server", "-H", "127.0.0.1", "-p", str(port)]
    server = subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    wait_until(lambda: is_up(f"http://127.0.0.1:{port}/moto-api/"), server)
    assert server.poll() is None, "moto.server does not start"
    return server, port
