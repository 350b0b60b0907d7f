"""What surrounds every request: it is measured, and while the server stops its connection ends."""

from __future__ import annotations

import time
from collections.abc import Collection

from starlette.datastructures import MutableHeaders
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from trainer.serving.measured import Measured


class Stopping:
    """Whether the server has been asked to stop, and so wants no more requests."""

    def __init__(self) -> None:
        self.begun = False


class WatchedRequests:
    """Middleware: an ASGI application around another."""

    def __init__(
        self, app: ASGIApp, measured: Measured, stopping: Stopping, paths: Collection[str]
    ) -> None:
        self._app = app
        self._measured = measured
        self._stopping = stopping
        self._paths = paths

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        begun = time.perf_counter()
        status = 500

        async def send_watched(message: Message) -> None:
            nonlocal status
            if message["type"] == "http.response.start":
                status = message["status"]
                if self._stopping.begun:
                    MutableHeaders(scope=message)["connection"] = "close"
            await send(message)

        try:
            await self._app(scope, receive, send_watched)
        finally:
            # A path that is none would be a label for every typing error.
            path = scope["path"] if scope["path"] in self._paths else "other"
            self._measured.requests.labels(path, str(status)).inc()
            self._measured.seconds.labels(path).observe(time.perf_counter() - begun)
