"""A small corpus, and its pages over HTTP."""

from __future__ import annotations

import http.client
import re
import shutil
import threading
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from html import unescape
from pathlib import Path
from typing import Any, NamedTuple
from urllib.parse import urlencode

import pytest

import corpus
from corpus.view.pages import Pages
from corpus.view.server import HOST, ViewServer
from tests.conftest import post, sentence, write_lines

FIELDS = {"id": "id", "text": "text", "author": "user", "community": "sub"}
ATTACK = "<script>document.title='caught'</script><img src=x onerror=alert(1)>"
#: Kept posts: 38 sentences of 14 words, two of 16, one with contact data, one with markup.
KEPT = [post(number, sub="tea") for number in range(38)] + [
    *(post(number, text=f"{sentence(number)} at last") for number in (38, 39)),
    post(40, text=f"{sentence(40)}, write to joe@example.org", sub="tea of joe@example.org"),
    post(41, text=f"{sentence(41)} {ATTACK}", sub=ATTACK),
]
#: Dropped posts: six of few words, and three copies.
DROPPED = [post(100 + number, text=f"Mail ann{number}@example.org") for number in range(6)] + [
    post(200 + number, text=sentence(number).upper()) for number in range(3)
]


class Answer(NamedTuple):
    """An answer of the server."""

    status: int
    headers: Mapping[str, str]
    body: str

    @property
    def words(self) -> str:
        """What the page says after the form, without markup."""
        text = re.sub(r"(?s)<form.*?</form>", " ", self.body)
        return " ".join(unescape(re.sub(r"<[^>]+>", " ", text)).split())

    @property
    def texts(self) -> list[str]:
        """The texts of the posts."""
        return [unescape(text) for text in re.findall(r"(?s)<blockquote[^>]*>(.*?)<", self.body)]


class Client:
    """Asks a server as a browser does."""

    def __init__(self, server: ViewServer) -> None:
        self.server = server

    def ask(self, path: str, method: str = "GET", **headers: str) -> Answer:
        """Ask for a path of the server."""
        connection = http.client.HTTPConnection(HOST, self.server.server_port, timeout=60)
        connection.request(method, path, headers=headers)
        answer = connection.getresponse()
        body = answer.read().decode()
        connection.close()
        return Answer(answer.status, dict(answer.getheaders()), body)

    def page(self, name: str = "", **fields: object) -> Answer:
        """Ask for a page with the token; underlines in names of fields may be dots."""
        return self.ask(f"/{self.server.token}/{name}?{urlencode(fields)}")


@contextmanager
def serving(folder: Path, **options: Any) -> Iterator[Client]:
    """Serve the pages of a corpus."""
    with ViewServer(Pages(folder, **options)) as server:
        thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
        thread.start()
        try:
            yield Client(server)
        finally:
            server.shutdown()
            thread.join()


def build(folder: Path, *stages: dict[str, Any], **output: Any) -> Path:
    """Build a corpus of the posts in ``folder/out``."""
    write_lines(folder / "dumps" / "posts.jsonl", [*KEPT, *DROPPED])
    source = {"path": str(folder / "dumps" / "posts.jsonl"), "platform": "t", "fields": FIELDS}
    corpus.build(
        {
            "sources": [{"table": source}],
            "stages": list(stages),
            "output": {"path": str(folder / "out"), "report_samples": 0} | output,
            "run": {"runner": "serial"},
        }
    )
    return folder / "out"


@pytest.fixture(scope="session")
def built(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The folder of the corpus, its key and its dump; no test may change it."""
    folder = tmp_path_factory.mktemp("view")
    stages = ({"language": {"keep": ["en"]}}, {"quality": {"min_words": 4}}, {"dedup": {}})
    build(folder, *stages, {"pii": {}}, ids="original")
    return folder


@pytest.fixture(scope="session")
def client(built: Path) -> Iterator[Client]:
    """A client of the server of that corpus."""
    with serving(built / "out") as found:
        yield found


@pytest.fixture
def folder(built: Path, tmp_path: Path) -> Path:
    """A copy of it that a test may change."""
    shutil.copytree(built, tmp_path / "copy")
    for path in (tmp_path / "copy").glob("*.plans/*"):
        path.write_text(path.read_text().replace(str(built), str(tmp_path / "copy")))
    return tmp_path / "copy"
