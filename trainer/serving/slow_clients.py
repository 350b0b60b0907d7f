"""Connections on which no request begins, or never comes to the end of its head, are closed."""

from __future__ import annotations

import asyncio
from typing import Any

from uvicorn.protocols.http.httptools_impl import HttpToolsProtocol


def impatient_protocol(header_seconds: float) -> type[HttpToolsProtocol]:
    """A protocol for `uvicorn.Config(http=...)` that does not wait for ever.

    By itself uvicorn limits only the time until the next request of a connection begins
    (`timeout_keep_alive`), not until the first one does, nor until its head ends.
    """

    class ImpatientProtocol(HttpToolsProtocol):
        _patience: asyncio.TimerHandle | None = None

        def connection_made(self, transport: Any) -> None:
            super().connection_made(transport)
            self._wait()

        def on_message_begin(self) -> None:
            self._wait()
            super().on_message_begin()

        def on_headers_complete(self) -> None:
            self._stop_waiting()
            super().on_headers_complete()

        def connection_lost(self, exc: Exception | None) -> None:
            self._stop_waiting()
            super().connection_lost(exc)

        def _wait(self) -> None:
            self._stop_waiting()
            self._patience = self.loop.call_later(header_seconds, self.transport.close)

        def _stop_waiting(self) -> None:
            if self._patience is not None:
                self._patience.cancel()

    return ImpatientProtocol
