"""Serves an application until a signal ends it: everything that was taken is answered first."""

from __future__ import annotations

import asyncio
import logging
import signal
import socket
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager, contextmanager
from dataclasses import dataclass

import uvicorn

from data_pipeline.errors import InputError
from trainer.serving.app import make_app
from trainer.serving.limits import Limits
from trainer.serving.newest_model import NewestModel
from trainer.serving.slow_clients import impatient_protocol
from trainer.serving.watched_requests import Stopping

logger = logging.getLogger(__name__)

SIGNALS = (signal.SIGTERM, signal.SIGINT, signal.SIGHUP)


@dataclass(frozen=True)
class ServerOptions:
    """Where and how to serve.

    Attributes:
        host, port: where to listen; port 0 is a free one.
        auth_token: what clients must know; None = nothing.
        watch_seconds: how often to look for a newer version; 0 = only when asked to.
        drain_seconds: between a signal to stop and the end of listening, so that who sends requests
            here learns of it by `/health/ready`.
    """

    host: str = "127.0.0.1"
    port: int = 5005
    auth_token: str | None = None
    watch_seconds: float = 10.0
    drain_seconds: float = 0.0


def serve(newest: NewestModel, options: ServerOptions, limits: Limits) -> None:
    """Answer requests until SIGTERM or SIGINT. SIGHUP looks for a newer version at once.

    Raises:
        InputError: the address cannot be listened on.
    """
    listening = _listening(options.host, options.port)
    stopping = Stopping()
    app = make_app(newest, limits, auth_token=options.auth_token, stopping=stopping)
    config = uvicorn.Config(
        app,
        http=impatient_protocol(limits.header_seconds),
        loop="asyncio",
        ws="none",
        lifespan="on",
        access_log=False,
        log_config=None,  # the command line has its own
        log_level="warning",
        timeout_keep_alive=75,  # longer than load balancers, which would otherwise race with it
        server_header=False,
        timeout_graceful_shutdown=int(limits.seconds) + 1,
    )
    server = _Server(config, newest, options, stopping)
    host, port = listening.getsockname()[:2]
    logger.info("Serving %s (%s)", newest.place, newest.current.version)
    logger.info("Listening on http://%s:%d", f"[{host}]" if ":" in host else host, port)
    asyncio.run(_until_stopped(server, listening, newest, options.watch_seconds))


class _Server(uvicorn.Server):
    """Ends a while after it was asked to, and looks for a newer version when asked to."""

    def __init__(
        self,
        config: uvicorn.Config,
        newest: NewestModel,
        options: ServerOptions,
        stopping: Stopping,
    ) -> None:
        super().__init__(config)
        self._newest = newest
        self._drain_seconds = options.drain_seconds
        self._stopping = stopping

    @contextmanager
    def capture_signals(self) -> Iterator[None]:
        """Instead of uvicorn's handlers, which end it at once."""
        loop = asyncio.get_running_loop()
        handlers = {number: signal.getsignal(number) for number in SIGNALS}
        loop.add_signal_handler(signal.SIGHUP, loop.run_in_executor, None, self._newest.watch_once)
        for number in (signal.SIGTERM, signal.SIGINT):
            loop.add_signal_handler(number, self._stop, loop)
        try:
            yield
        finally:
            for number, handler in handlers.items():
                loop.remove_signal_handler(number)
                signal.signal(number, handler)

    def _stop(self, loop: asyncio.AbstractEventLoop) -> None:
        if self._stopping.begun:
            self.should_exit = self.force_exit = True
            return
        logger.info("Stopping when everything is answered; again to stop at once.")
        self._stopping.begun = True
        loop.call_later(self._drain_seconds, self._end)

    def _end(self) -> None:
        self.should_exit = True


async def _until_stopped(
    server: uvicorn.Server, listening: socket.socket, newest: NewestModel, watch_seconds: float
) -> None:
    async with _watch(newest, watch_seconds):
        await server.serve([listening])


@asynccontextmanager
async def _watch(newest: NewestModel, seconds: float) -> AsyncIterator[None]:
    async def watch() -> None:
        while True:
            await asyncio.sleep(seconds)
            await asyncio.to_thread(newest.watch_once)

    watching = asyncio.create_task(watch()) if seconds else None
    try:
        yield
    finally:
        if watching is not None:
            watching.cancel()


def _listening(host: str, port: int) -> socket.socket:
    try:
        family, kind, *_, address = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)[0]
        listening = socket.create_server(address[:2], family=family, backlog=2048)
        # Connections inherit it. asyncio sets it only on sockets that name their protocol; without,
        # the end of an answer waits 40 ms for the client to acknowledge its beginning.
        listening.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        return listening
    except (OSError, OverflowError) as error:
        reason = getattr(error, "strerror", None) or error
        raise InputError(f"Cannot listen on {host}:{port}: {reason}. Choose another.") from None
