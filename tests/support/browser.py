"""A headless Chromium, driven by plain HTTP as the WebDriver standard has it; no package needed."""

from __future__ import annotations

import json
import shutil
import socket
import subprocess
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest

from tests.support.processes import HANG_SECONDS, is_up, wait_until

FLAGS = [
    "--headless", "--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run",
    "--disable-background-networking", "--disable-component-update", "--disable-sync",
    "--disable-dev-shm-usage",
]  # fmt: skip
WHY = "chromium and chromedriver are not here (apt-get install chromium chromium-driver)"


class Browser:
    """One page at a time."""

    def __init__(self, address: str, folder: Path) -> None:
        self._address = address
        log = {"browser": "ALL", "performance": "ALL"}
        options = {"args": [*FLAGS, f"--user-data-dir={folder}"]}
        options |= {"binary": shutil.which("chromium")}
        wanted = {"browserName": "chrome", "goog:chromeOptions": options, "goog:loggingPrefs": log}
        made = self._ask("POST", "/session", {"capabilities": {"alwaysMatch": wanted}})
        self._session = f"/session/{made['sessionId']}"
        # Else a page gets the focus some time after it was loaded, and ignores keys before that.
        self.devtools("Emulation.setFocusEmulationEnabled", {"enabled": True})

    def _ask(self, method: str, path: str, body: dict[str, Any] | None = None) -> Any:
        data = None if body is None else json.dumps(body).encode()
        request = urllib.request.Request(self._address + path, data, method=method)
        with urllib.request.urlopen(request, timeout=HANG_SECONDS) as answer:
            return json.loads(answer.read())["value"]

    def open(self, page: Path | str, *, width: int = 1280, dark: bool = False) -> None:
        """Load a page from disk, or from an address, at so many CSS pixels."""
        size = {"width": width, "height": 900, "deviceScaleFactor": 1, "mobile": width < 500}
        self.devtools("Emulation.setDeviceMetricsOverride", size)
        scheme = {"name": "prefers-color-scheme", "value": "dark" if dark else "light"}
        self.devtools("Emulation.setEmulatedMedia", {"features": [scheme]})
        self.log("browser"), self.log("performance")
        address = page if isinstance(page, str) else page.resolve().as_uri()
        self._ask("POST", f"{self._session}/url", {"url": address})
        # Where a page's scripts are disabled, the driver does not wait until it is loaded.
        wait_until(lambda: self.run("return document.readyState") == "complete")

    def devtools(self, command: str, parameters: dict[str, Any]) -> Any:
        """A command of Chromium's own protocol."""
        body = {"cmd": command, "params": parameters}
        return self._ask("POST", f"{self._session}/goog/cdp/execute", body)

    def press_tab(self) -> Any:
        """Press the key, and return the name of the element that has the focus then."""
        tab = {"key": "Tab", "code": "Tab", "windowsVirtualKeyCode": 9}
        for kind in ("keyDown", "keyUp"):
            self.devtools("Input.dispatchKeyEvent", {"type": kind, **tab})
        return self.run("return document.activeElement.localName")

    def run(self, script: str) -> Any:
        """What a script in the page returns."""
        return self._ask("POST", f"{self._session}/execute/sync", {"script": script, "args": []})

    def log(self, kind: str) -> list[dict[str, Any]]:
        """What was logged since last asked."""
        found: list[dict[str, Any]] = self._ask("POST", f"{self._session}/se/log", {"type": kind})
        return found

    def fetched(self) -> list[str]:
        """Every address that pages asked for since last asked, but the browser's own pages."""
        events = [json.loads(entry["message"])["message"] for entry in self.log("performance")]
        return [
            event["params"]["request"]["url"]
            for event in events
            if event["method"] == "Network.requestWillBeSent"
            and not event["params"]["documentURL"].startswith("chrome")
        ]

    def close(self) -> None:
        """End it."""
        self._ask("DELETE", self._session)


@contextmanager
def browsing(folder: Path) -> Iterator[Browser]:
    """Start Chromium; a skipped test where there is none."""
    driver = shutil.which("chromedriver")
    if not driver or not shutil.which("chromium"):
        pytest.skip(WHY)
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    process = subprocess.Popen(
        [driver, f"--port={port}"], stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL
    )
    address = f"http://127.0.0.1:{port}"
    try:
        wait_until(lambda: is_up(f"{address}/status"), process)
        browser = Browser(address, folder)
        yield browser
        browser.close()
    finally:
        process.terminate()
        process.wait(HANG_SECONDS)
