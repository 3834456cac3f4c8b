"""The page in a real browser: nothing is fetched, no text acts, it fits, and keys are enough."""

from __future__ import annotations

from collections.abc import Iterator
from html import unescape

import pytest

from tests.report.test_report_page import CONTRAST
from tests.support.browser import Browser, browsing
from tests.view.conftest import ATTACK, Client

SEARCHES = (
    "",
    "?text=caught",
    "?side=dropped&dropped_texts=1",
    "?score=quality_words&low=x",
    "thresholds?quality.min_words=15&dropped_texts=1",
)


@pytest.fixture(scope="module")
def browser(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Browser]:
    with browsing(tmp_path_factory.mktemp("profile")) as found:
        yield found


def test_nothing_is_fetched_but_the_page_and_its_style(client: Client, browser: Browser) -> None:
    for query in SEARCHES:
        browser.open(client.server.address + query)
        fetched = set(browser.fetched())
        origin = client.server.address.rpartition(client.server.token)[0]
        icon = f"{origin}favicon.ico"  # a browser asks for it by itself, without the token
        style = f"{client.server.address}style.css"
        assert fetched - {icon} == {client.server.address + query, style}
        # A wrong field is answered with status 400, which Chromium logs as it does a missing icon.
        errors = [each for each in browser.log("browser") if each["source"] != "network"]
        assert errors == []


def test_no_text_acts_in_the_page(client: Client, browser: Browser) -> None:
    browser.open(f"{client.server.address}?text=caught")
    assert browser.run("return document.title") == "out: posts"
    assert browser.run("return document.querySelectorAll('script, img, iframe').length") == 0
    [shown] = browser.run(
        "return [...document.querySelectorAll('blockquote')].map(e => e.textContent)"
    )
    assert shown.endswith(unescape(ATTACK))


@pytest.mark.parametrize("width", [1280, 360])
def test_nothing_is_wider_than_the_window(client: Client, browser: Browser, width: int) -> None:
    for query in SEARCHES:
        browser.open(client.server.address + query, width=width)
        browser.run("document.querySelectorAll('details').forEach(each => { each.open = true })")
        assert browser.run("return document.documentElement.scrollWidth") <= width, query


def test_the_page_is_dark_in_the_dark(client: Client, browser: Browser) -> None:
    grounds = []
    for dark in (False, True):
        browser.open(f"{client.server.address}?side=dropped&dropped_texts=1", dark=dark)
        style = "getComputedStyle(document.querySelector('{}')).{}"
        grounds.append(browser.run(f"return {style.format('body', 'backgroundColor')}"))
        field = style.format("input", "backgroundColor"), style.format("input", "color")
        assert browser.run(f"return {field[0]} != {field[1]}")
        assert browser.run(CONTRAST) >= 4.5, "WCAG 2.1, AA"
    assert grounds[0] == "rgb(255, 255, 255)" != grounds[1]


def press(browser: Browser, key: str, text: str = "") -> None:
    for kind in ("keyDown", "keyUp"):
        event = {"type": kind, "key": key, "code": key}
        event |= {"text": text} if text and kind == "keyDown" else {}
        event |= {"windowsVirtualKeyCode": 13} if key == "Enter" else {}
        browser.devtools("Input.dispatchKeyEvent", event)


def test_keys_are_enough_to_search(client: Client, browser: Browser) -> None:
    browser.open(client.server.address)
    names = []
    for _ in range(12):
        browser.press_tab()
        names.append(browser.run("return document.activeElement.id || document.activeElement.href"))
        if names[-1] == "text":
            break
    assert names[0].endswith("#main")  # the way past the navigation comes first
    assert names[-1] == "text"
    browser.devtools("Input.insertText", {"text": "caught"})
    press(browser, "Enter", "\r")
    for _ in range(100):
        if "text=caught" in browser.run("return location.search + document.readyState"):
            break
    assert browser.run("return document.querySelectorAll('article').length") == 1
    assert browser.run("return document.getElementById('text').value") == "caught"


def test_every_field_has_a_name_and_the_page_its_parts(client: Client, browser: Browser) -> None:
    for query in SEARCHES:
        browser.open(client.server.address + query)
        browser.run("document.querySelectorAll('details').forEach(each => { each.open = true })")
        tree = browser.devtools("Accessibility.getFullAXTree", {})["nodes"]
        names: dict[str, list[str]] = {}
        for node in tree:
            role = node.get("role", {}).get("value", "")
            names.setdefault(role, []).append(node.get("name", {}).get("value", ""))
        assert {"main", "navigation", "banner"} <= names.keys()
        for role in ("textbox", "searchbox", "combobox", "checkbox", "button", "link", "heading"):
            assert all(names.get(role, ["-"])), (query, role)
        assert browser.run("return document.documentElement.lang") == "en"
