"""Chromium as a person has it, driven through chromedriver by WebDriver's own messages; needs no package."""

from __future__ import annotations

import base64
import json
import shutil
import subprocess
import time
from collections.abc import Iterator
from contextlib import contextmanager
from importlib.resources import files
from pathlib import Path
from typing import Any
from urllib.request import Request, urlopen

PROGRAMS = {name: shutil.which(name) for name in ("chromium", "chromedriver")}
_SWITCHES = ("--headless=new", "--no-sandbox", "--disable-gpu", "--disable-dev-shm-usage", "--hide-scrollbars")
_AXE_IN = ("axe_playwright_python", "axe_core_python")
"""Packages whose wheel holds axe-core."""


def axe_source() -> str | None:
    """Return axe-core as a script, from a package that is installed; None where there is none."""
    for package in _AXE_IN:
        try:
            return (files(package) / "axe.min.js").read_text(encoding="utf-8")
        except (ModuleNotFoundError, FileNotFoundError):
            continue
    return None


class Browser:
    """One window."""

    def __init__(self, url: str) -> None:
        self._url = url
        options = {"binary": PROGRAMS["chromium"], "args": list(_SWITCHES)}
        wanted = {"browserName": "chrome", "goog:chromeOptions": options}
        self._session = self._call("POST", "/session", {"capabilities": {"alwaysMatch": wanted}})["sessionId"]

    def show(self, page: Path, *, width: int, dark: bool) -> None:
        """Open a file at a width, in the light or the dark scheme; a page's own policy keeps no script of ours out."""
        scheme = {"name": "prefers-color-scheme", "value": "dark" if dark else "light"}
        size = {"width": width, "height": 900, "deviceScaleFactor": 1, "mobile": False}
        self._devtools("Emulation.setDeviceMetricsOverride", size)
        self._devtools("Emulation.setEmulatedMedia", {"features": [scheme]})
        self._devtools("Page.setBypassCSP", {"enabled": True})
        self._of_session("url", {"url": page.as_uri()})

    def run(self, script: str, *arguments: Any) -> Any:
        """Return what a script returns."""
        return self._of_session("execute/sync", {"script": script, "args": arguments})

    def wait_for(self, script: str, *arguments: Any) -> Any:
        """Return what a script hands to its last argument, a function."""
        return self._of_session("execute/async", {"script": script, "args": arguments})

    def picture(self) -> bytes:
        """Return the whole page as PNG."""
        shot = {"format": "png", "captureBeyondViewport": True}
        return base64.b64decode(self._devtools("Page.captureScreenshot", shot)["data"])

    def close(self) -> None:
        """Close the window."""
        self._call("DELETE", f"/session/{self._session}", None)

    def _devtools(self, command: str, parameters: dict[str, Any]) -> Any:
        return self._of_session("goog/cdp/execute", {"cmd": command, "params": parameters})

    def _of_session(self, command: str, body: dict[str, Any]) -> Any:
        return self._call("POST", f"/session/{self._session}/{command}", body)

    def _call(self, method: str, path: str, body: dict[str, Any] | None) -> Any:
        data = None if body is None else json.dumps(body).encode()
        request = Request(self._url + path, data, {"Content-Type": "application/json"}, method=method)  # noqa: S310
        with urlopen(request, timeout=120) as answer:  # noqa: S310 - chromedriver on this machine
            return json.load(answer)["value"]


@contextmanager
def browser() -> Iterator[Browser]:
    """Run chromedriver on a free port, and a window of it."""
    command = [str(PROGRAMS["chromedriver"]), "--port=0"]
    with subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True) as driver:
        try:
            window = Browser(f"http://127.0.0.1:{_port(driver)}")
            try:
                yield window
            finally:
                window.close()
        finally:
            driver.terminate()


def _port(driver: subprocess.Popen[str]) -> int:
    until = time.monotonic() + 60
    for line in driver.stdout or ():
        if "started successfully on port" in line:
            return int(line.rstrip(" .\n").rpartition(" ")[2])
        if time.monotonic() > until:
            break
    raise RuntimeError("chromedriver did not start")
