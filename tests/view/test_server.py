"""The server answers the browser of this machine, who knows the token, and changes nothing."""

from __future__ import annotations

import signal
import socket
import subprocess
import sys
import urllib.request
from pathlib import Path
from typing import Any

import pytest

from corpus.view import server
from corpus.view.pages import Pages
from corpus.view.server import HOST, ViewServer
from tests.conftest import ROOT
from tests.support.commands import command
from tests.view.conftest import Answer, Client, serving


def ask_raw(client: Client, request: str) -> str:
    with socket.create_connection((HOST, client.server.server_port), timeout=60) as connection:
        connection.sendall(request.encode())
        answer = b""
        while part := connection.recv(65536):
            answer += part
    return answer.decode()


def test_only_an_address_with_the_token_is_answered(client: Client) -> None:
    token = client.server.token
    assert client.ask(f"/{token}/").status == 200
    for path in ("/", "/style.css", "//", f"/{token[:-1]}/", f"/{token}x/", f"/{token}", "/%00/"):
        answer = client.ask(path)
        assert answer.status == 404, path
        assert token not in answer.body
        assert "Yesterday" not in answer.body
    assert len(token) >= 32


def test_every_server_has_a_token_of_its_own(built: Path, monkeypatch: Any) -> None:
    monkeypatch.delattr(socket, "getfqdn")  # it may ask a name server
    with ViewServer(Pages(built / "out")) as one, ViewServer(Pages(built / "out")) as two:
        assert one.token != two.token
        assert one.address == f"http://127.0.0.1:{one.server_port}/{one.token}/"
        assert one.server_address[0] == "127.0.0.1"


def test_a_request_that_names_another_host_is_refused(client: Client) -> None:
    path, port = f"/{client.server.token}/", client.server.server_port
    for host in ("evil.example", f"evil.example:{port}", HOST, f"{HOST}:1", "", f"{HOST}:{port}."):
        assert client.ask(path, Host=host).status == 403, host
    assert client.ask(path, Host=f"localhost:{port}").status == 200
    assert ask_raw(client, f"GET {path} HTTP/1.0\r\n\r\n").startswith("HTTP/1.0 403")
    both = f"Host: {HOST}:{port}\r\nHost: evil.example\r\n"
    assert ask_raw(client, f"GET {path} HTTP/1.1\r\n{both}\r\n").startswith("HTTP/1.0 403")
    absolute = f"GET http://evil.example{path} HTTP/1.1\r\nHost: {HOST}:{port}\r\n\r\n"
    assert " 404 " in ask_raw(client, absolute).split("\r\n")[0]


def test_a_request_of_another_site_s_page_is_refused(client: Client) -> None:
    path = f"/{client.server.token}/"
    for site in ("cross-site", "same-site"):
        assert client.ask(path, **{"Sec-Fetch-Site": site}).status == 403
    assert client.ask(path, **{"Sec-Fetch-Site": "same-origin"}).status == 200
    assert client.ask(path, **{"Sec-Fetch-Site": "none"}).status == 200


@pytest.mark.parametrize("method", ["POST", "PUT", "DELETE", "PATCH", "OPTIONS", "TRACE", "X"])
def test_only_reading_is_answered(client: Client, method: str) -> None:
    answer = client.ask(f"/{client.server.token}/", method)
    assert answer.status == 405
    assert answer.headers["Allow"] == "GET, HEAD"
    assert "Yesterday" not in answer.body


def test_head_has_the_headers_alone(client: Client) -> None:
    answer = client.ask(f"/{client.server.token}/", "HEAD")
    assert (answer.status, answer.body) == (200, "")
    assert int(answer.headers["Content-Length"]) > 1000


def test_no_path_leads_to_a_file(client: Client) -> None:
    token = client.server.token
    names = ("manifest.json", "../manifest.json", "..%2fmanifest.json", "%2e%2e/corpus.key")
    names += ("../../../../etc/passwd", "style.css/../../corpus.key", "templates/", "style.css/")
    names += ("posts.html.jinja", "style.css%00", "..\\corpus.key", "/etc/passwd")
    for name in names:
        assert client.ask(f"/{token}/{name}").status == 404, name


def test_the_policy_allows_no_script_and_no_other_site(client: Client) -> None:
    for path in (f"/{client.server.token}/", f"/{client.server.token}/style.css", "/other"):
        headers = client.ask(path, Origin="https://evil.example").headers
        policy = headers["Content-Security-Policy"]
        assert policy.startswith("default-src 'none'; style-src 'self';")
        assert "unsafe" not in policy and "http" not in policy
        assert "frame-ancestors 'none'" in policy
        assert headers["X-Content-Type-Options"] == "nosniff"
        assert headers["Referrer-Policy"] == "no-referrer"
        assert headers["Cache-Control"] == "no-store"
        assert headers["Cross-Origin-Resource-Policy"] == "same-origin"
        assert not [name for name in headers if name.lower().startswith("access-control")]
    page = client.page().body
    assert "<script" not in page.replace("&lt;script", "") and "style=" not in page


def test_long_addresses_and_many_fields_are_refused(client: Client) -> None:
    assert client.page(text="a" * server.MAX_ADDRESS).status == 414
    many = "&".join(f"a{number}=" for number in range(400))
    assert client.ask(f"/{client.server.token}/?{many}").status == 400
    assert ask_raw(client, "GET /" + "a" * 70_000 + " HTTP/1.1\r\n\r\n").startswith("HTTP/1.0 414")


def test_nothing_is_written_and_nothing_is_printed(
    built: Path, client: Client, capfd: pytest.CaptureFixture[str]
) -> None:
    def state() -> dict[str, tuple[int, int]]:
        files = [path for path in built.rglob("*") if path.is_file()]
        return {str(path): (path.stat().st_mtime_ns, path.stat().st_size) for path in files}

    before = state()
    for fields in ({}, {"text": "kettle"}, {"side": "dropped", "dropped_texts": "1"}):
        assert client.page(**fields).status == 200
    assert client.page("thresholds", **{"quality.min_words": 20}).status == 200
    assert state() == before
    assert capfd.readouterr() == ("", "")


def test_an_error_in_a_page_names_its_kind_and_no_content(
    client: Client, monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]
) -> None:
    def fail(self: Any, fields: Any) -> Any:
        raise KeyError("joe@example.org")

    monkeypatch.setattr(Pages, "make_posts_page", fail)
    answer: Answer = client.page()
    assert (answer.status, answer.body) == (500, "500 KeyError; the terminal says where\n")
    printed = capfd.readouterr()
    assert "joe@" not in printed.out + printed.err
    assert "KeyError in a page" in printed.err and "test_server.py" in printed.err


def test_a_corpus_that_is_gone_is_an_error_and_comes_back(folder: Path) -> None:
    with serving(folder / "out") as client:
        (folder / "out").rename(folder / "elsewhere")
        answer = client.page()
        assert answer.status == 503
        assert answer.body.startswith("503 the corpus cannot be read: ")
        (folder / "elsewhere").rename(folder / "out")
        assert client.page().status == 200


def test_the_command_prints_the_address_and_ends_at_a_signal(built: Path) -> None:
    process = subprocess.Popen(
        [sys.executable, "-m", "corpus", "view", str(built / "out")],
        cwd=ROOT,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )
    assert process.stdout is not None
    word, address = process.stdout.readline().split()
    assert word == "open" and address.startswith("http://127.0.0.1:")
    with urllib.request.urlopen(address, timeout=60) as answer:
        assert "42 kept and 9 dropped" in answer.read().decode()
    process.send_signal(signal.SIGTERM)
    printed, errors = process.communicate(timeout=60)
    assert (process.returncode, printed.splitlines()[-1], errors) == (0, "closed", "")


def test_a_port_that_is_taken_is_an_error_in_words(built: Path) -> None:
    with socket.create_server((HOST, 0)) as taken:
        port = taken.getsockname()[1]
        result = command("view", str(built / "out"), "--port", str(port))
    assert result.returncode == 2
    assert f"cannot listen on port {port}" in result.stderr
