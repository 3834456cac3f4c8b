"""What of the Hugging Face Hub's interface its file system asks for, on loopback, in memory."""

from __future__ import annotations

import base64
import json
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from hashlib import sha1
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any
from urllib.parse import parse_qs, unquote, urlsplit

REPO = "somebody/posts"
API = f"/api/datasets/{REPO}"
_API, _FILES = f"/api/datasets/{REPO}", f"/datasets/{REPO}/resolve/"


class Hub:
    """One repository of data, ``files`` by name; ``commits`` counts what was written."""

    def __init__(self) -> None:
        self.files: dict[str, bytes] = {}
        self.commits = 0
        #: Paths that begin so are answered with 500, so often.
        self.failing: dict[str, int] = {}
        self.lock = threading.Lock()

    def entries(self, below: str, recursive: bool) -> Iterator[dict[str, Any]]:
        """The files and folders in a folder."""
        seen = set()
        for name in sorted(self.files):
            if below and not name.startswith(f"{below}/"):
                continue
            *folders, _ = name[len(below) :].lstrip("/").split("/")
            for depth in range(1, len(folders) + 1 if recursive else min(len(folders), 1) + 1):
                folder = "/".join(filter(None, [below, *folders[:depth]]))
                if folder not in seen:
                    seen.add(folder)
                    yield {"type": "directory", "path": folder, "oid": "0" * 40, "size": 0}
            if recursive or not folders:
                yield self.entry(name)

    def entry(self, name: str) -> dict[str, Any]:
        """What is told of a file."""
        data = self.files[name]
        return {"type": "file", "path": name, "size": len(data), "oid": sha1(data).hexdigest()}

    def fails(self, path: str) -> bool:
        """Whether this request is one of those that fail."""
        with self.lock:
            for begin, left in self.failing.items():
                if left and path.startswith(begin):
                    self.failing[begin] -= 1
                    return True
        return False

    def commit(self, lines: bytes) -> None:
        """Do what a commit says."""
        with self.lock:
            self.commits += 1
            for line in lines.splitlines():
                told = json.loads(line)
                if told["key"] == "file":
                    self.files[told["value"]["path"]] = base64.b64decode(told["value"]["content"])
                elif told["key"] == "deletedFile":
                    self.files.pop(told["value"]["path"], None)


class _Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    disable_nagle_algorithm = True  # else each answer waits 40 ms for the client
    hub: Hub

    def do_GET(self) -> None:
        url = urlsplit(self.path)
        path = unquote(url.path)
        if self.hub.fails(path):
            self._failed()
        elif path.startswith(_FILES):
            self._file(path.removeprefix(_FILES).partition("/")[2])
        elif path.startswith(f"{_API}/tree/"):
            below = path.removeprefix(f"{_API}/tree/").partition("/")[2]
            recursive = parse_qs(url.query).get("recursive", [""])[0].lower() == "true"
            found = list(self.hub.entries(below, recursive))
            self._json(found) if found or not below else self._missing("EntryNotFound")
        elif path.startswith(f"{_API}/commits/"):
            date = "2026-01-02T03:04:05.000Z"
            self._json(
                [
                    {"id": f"{n:x}".ljust(40, "0"), "authors": [{"user": "a"}], "date": date,
                     "title": "t", "message": ""}
                    for n in range(self.hub.commits, 0, -1)
                ]
            )  # fmt: skip
        elif path == _API or path.startswith(f"{_API}/revision/"):
            self._json({"id": REPO, "sha": "1" * 40, "siblings": [], "private": False})
        else:
            self._missing("RepoNotFound")

    do_HEAD = do_GET

    def do_POST(self) -> None:
        body = self.rfile.read(int(self.headers.get("Content-Length") or 0))
        path = unquote(urlsplit(self.path).path)
        if self.hub.fails(path):
            self._failed()
        elif path.startswith(f"{_API}/paths-info/"):
            kind = self.headers.get("Content-Type", "")
            told = json.loads(body) if "json" in kind else parse_qs(body.decode())
            names = told["paths"] if isinstance(told["paths"], list) else [told["paths"]]
            found = [self.hub.entry(name) for name in names if name in self.hub.files]
            found += [
                {"type": "directory", "path": name, "oid": "0" * 40, "size": 0}
                for name in names
                if any(file.startswith(f"{name}/") for file in self.hub.files)
            ]
            self._json(found)
        elif path.startswith(f"{_API}/super-squash/"):
            self.hub.commits = 1
            self._json({})
        elif path == "/api/validate-yaml":  # asked of the card of a repository
            self._json({"errors": [], "warnings": []})
        elif path.startswith(f"{_API}/preupload/"):
            files = [{"path": row["path"], "uploadMode": "regular", "shouldIgnore": False}
                     for row in json.loads(body)["files"]]  # fmt: skip
            self._json({"files": files})
        elif path.startswith(f"{_API}/commit/"):
            gone = [json.loads(line) for line in body.splitlines()]
            if any(told["key"] == "deletedFile" and told["value"]["path"] not in self.hub.files
                   for told in gone):  # fmt: skip
                self._missing("EntryNotFound")
                return
            self.hub.commit(body)
            url = f"http://{self.headers['Host']}/datasets/{REPO}/commit/{'1' * 40}"
            self._json({"success": True, "commitOid": "1" * 40, "commitUrl": url})
        else:
            self._missing("RepoNotFound")

    def _file(self, name: str) -> None:
        data = self.hub.files.get(name)
        if data is None:
            self._missing("EntryNotFound")
            return
        begin, end = 0, len(data)
        if wanted := self.headers.get("Range"):
            low, _, high = wanted.removeprefix("bytes=").partition("-")
            begin, end = int(low), min(end, int(high) + 1 if high else end)
        self.send_response(206 if wanted else 200)
        self.send_header("ETag", f'"{sha1(data).hexdigest()}"')
        self.send_header("X-Repo-Commit", "1" * 40)
        self.send_header("Accept-Ranges", "bytes")
        if wanted:
            self.send_header("Content-Range", f"bytes {begin}-{end - 1}/{len(data)}")
        self._body(data[begin:end])

    def _json(self, value: object) -> None:
        self.send_response(200)
        self.send_header("Content-Type", "application/json")
        self._body(json.dumps(value).encode())

    def _failed(self) -> None:
        self.send_response(500)
        self._body(b"{}")

    def _missing(self, code: str) -> None:
        self.send_response(404)
        self.send_header("X-Error-Code", code)
        self._body(b"{}")

    def _body(self, data: bytes) -> None:
        self.send_header("Content-Length", str(len(data)))
        self.end_headers()
        if self.command != "HEAD":
            self.wfile.write(data)

    def log_message(self, *_: Any) -> None:
        pass


@contextmanager
def serving(hub: Hub) -> Iterator[str]:
    """Serve it; the address."""
    handler = type("Handler", (_Handler,), {"hub": hub})
    server = ThreadingHTTPServer(("127.0.0.1", 0), handler)
    server.daemon_threads = True
    threading.Thread(target=server.serve_forever, daemon=True).start()
    yield f"http://127.0.0.1:{server.server_address[1]}"
    server.shutdown()
    server.server_close()
