"""A page in headless Chromium, driven over the browser's own DevTools protocol."""

from __future__ import annotations

import base64
import json
import shutil
import subprocess
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import websocket  # of the package `kubernetes`

CHROMIUM = shutil.which("chromium") or shutil.which("chromium-browser")
FLAGS = (
    *("--headless=new", "--no-sandbox", "--disable-gpu", "--disable-dev-shm-usage"),
    *("--no-first-run", "--remote-debugging-port=0", "--remote-allow-origins=*"),
)


class Page:
    """An open page.

    Attributes:
        said: what it wrote to the console, and errors that nobody caught.
        asked: the addresses it asked for.
    """

    def __init__(self, socket: websocket.WebSocket) -> None:
        self.said: list[str] = []
        self.asked: list[str] = []
        self._socket = socket
        self._number = 0
        for domain in ("Page", "Runtime", "Network", "Log"):
            self._send(f"{domain}.enable")

    def open(self, url: str) -> None:
        """Go there."""
        self._send("Page.navigate", url=url)

    def run(self, script: str) -> Any:
        """The value of an expression, awaited."""
        answer = self._send(
            "Runtime.evaluate", expression=script, awaitPromise=True, returnByValue=True
        )
        assert "exceptionDetails" not in answer, answer
        return answer["result"].get("value")

    def wait_for(self, script: str, seconds: float = 20) -> Any:
        """The value of the expression, once it is true."""
        until = time.monotonic() + seconds
        while not (value := self.run(script)):
            assert time.monotonic() < until, f"never true: {script}; {self.said}"
            time.sleep(0.05)
        return value

    def screenshot(self, path: Path, *, width: int, height: int) -> None:
        """Write what is seen as PNG."""
        self._send(
            "Emulation.setDeviceMetricsOverride",
            **{"width": width, "height": height, "deviceScaleFactor": 1, "mobile": False},
        )
        path.write_bytes(base64.b64decode(self._send("Page.captureScreenshot")["data"]))

    def _send(self, method: str, **params: Any) -> dict[str, Any]:
        self._number += 1
        self._socket.send(json.dumps({"id": self._number, "method": method, "params": params}))
        while True:
            message = json.loads(self._socket.recv())
            if message.get("id") == self._number:
                assert "error" not in message, message
                return message["result"]
            self._note(message.get("method"), message.get("params", {}))

    def _note(self, method: str | None, params: dict[str, Any]) -> None:
        if method == "Network.requestWillBeSent":
            self.asked.append(params["request"]["url"])
        if method in ("Runtime.consoleAPICalled", "Runtime.exceptionThrown", "Log.entryAdded"):
            self.said.append(json.dumps(params))


@contextmanager
def opened_page() -> Iterator[Page]:
    """A browser of its own, with an empty page."""
    assert CHROMIUM, "Chromium is not installed"
    with tempfile.TemporaryDirectory(ignore_cleanup_errors=True) as profile:
        process = subprocess.Popen(
            [CHROMIUM, *FLAGS, f"--user-data-dir={profile}", "about:blank"],
            stdout=subprocess.DEVNULL,
            stderr=subprocess.PIPE,
            text=True,
        )
        try:
            yield Page(_page_of(process))
        finally:
            process.kill()
            process.wait()


def _page_of(process: subprocess.Popen) -> websocket.WebSocket:
    assert process.stderr is not None
    for line in process.stderr:
        if line.startswith("DevTools listening on "):
            port = line.split("/")[2].rsplit(":", 1)[1]
            break
    else:
        raise AssertionError("Chromium did not start")
    import urllib.request

    with urllib.request.urlopen(f"http://127.0.0.1:{port}/json/list", timeout=30) as answer:
        (target,) = [page for page in json.load(answer) if page["type"] == "page"]
    return websocket.create_connection(target["webSocketDebuggerUrl"], timeout=60)
