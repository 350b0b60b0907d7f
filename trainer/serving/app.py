"""Rasa's HTTP API over a loaded model: which path does what.

`make_app` is an ASGI application. The contract is that of `rasa run --enable-api`
(`rasa/server.py`) for what needs a model alone: `POST /model/parse`, `POST /model/predict`,
`PUT /model`, `GET /status`, `/version` and `/`; `/health/live`, `/health/ready` and `/metrics` are
for clusters.
"""

from __future__ import annotations

import asyncio
import hmac
import json
import logging
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from http import HTTPStatus
from importlib.metadata import version
from importlib.resources import files
from typing import Any

from prometheus_client import CONTENT_TYPE_LATEST, generate_latest
from starlette.applications import Starlette
from starlette.exceptions import HTTPException
from starlette.middleware import Middleware
from starlette.requests import Request
from starlette.responses import HTMLResponse, JSONResponse, Response
from starlette.routing import Route

from data_pipeline.dialogue.domain.domain import Domain
from data_pipeline.dialogue.domain.events import Event
from data_pipeline.errors import InputError
from trainer.serving.answering import Answer, Dialogues, Messages, Prediction
from trainer.serving.batching import Batcher
from trainer.serving.bodies import read_json, texts_of
from trainer.serving.limits import Limits
from trainer.serving.measured import Measured
from trainer.serving.newest_model import NewestModel
from trainer.serving.predictions import prediction
from trainer.serving.refused import Refused, error_body
from trainer.serving.tracker_events import told_events
from trainer.serving.watched_requests import Stopping, WatchedRequests

VERSION = version("diet-ted-trainer")
logger = logging.getLogger(__name__)

# The page has no other parts than itself, and may ask nobody but this server.
PAGE_POLICY = (
    "default-src 'none'; style-src 'unsafe-inline'; script-src 'unsafe-inline'; "
    "connect-src 'self'; img-src data:; form-action 'none'; frame-ancestors 'none'"
)
ENDS_CONNECTION = (HTTPStatus.REQUEST_TIMEOUT, HTTPStatus.REQUEST_ENTITY_TOO_LARGE)
"""After these the rest of a body may still be on its way, which is not waited for."""


class Api:
    """The handlers, and the two batchers they ask.

    Args:
        newest: what answers.
        limits: of requests.
        auth_token: what clients must know; None = nothing.
        stopping: set when the server is asked to stop.
    """

    def __init__(
        self, newest: NewestModel, limits: Limits, auth_token: str | None, stopping: Stopping
    ) -> None:
        self._newest = newest
        self._limits = limits
        self._auth_token = auth_token
        self._stopping = stopping
        self._page = files("trainer.serving").joinpath("page.html").read_text(encoding="utf-8")
        self.measured = Measured(newest)

    @asynccontextmanager
    async def lifespan(self, _app: Starlette) -> AsyncIterator[None]:
        """While it lives the batchers answer; at its end they answer what they have taken."""
        batches, limits = self.measured.batches, self._limits
        self._messages: Batcher[str, Answer] = Batcher(
            lambda texts: self._answers()(texts), len, limits, batches.labels("messages").observe
        )
        self._dialogues: Batcher[Sequence[Event], Prediction] = Batcher(
            lambda dialogues: self._policies()[0](dialogues),
            len,
            limits,
            batches.labels("dialogues").observe,
        )
        self.measured.watch_waiting("messages", lambda: self._messages.waiting)
        self.measured.watch_waiting("dialogues", lambda: self._dialogues.waiting)
        batchers = (self._messages, self._dialogues)
        running = [asyncio.create_task(batcher.run()) for batcher in batchers]
        yield
        for batcher in batchers:
            batcher.close()
        await asyncio.gather(*running)

    def routes(self) -> list[Route]:
        """Path, method, handler."""
        return [
            Route("/", self.page),
            Route("/version", self.version),
            Route("/status", self.status),
            Route("/health/live", self.live),
            Route("/health/ready", self.ready),
            Route("/metrics", self.metrics),
            Route("/model/parse", self.parse, methods=["POST"]),
            Route("/model/predict", self.predict, methods=["POST"]),
            Route("/model", self.reload, methods=["PUT"]),
        ]

    async def parse(self, request: Request) -> Response:
        """The intent and the entities of a message (`text`), or of each in a list of them."""
        body = await read_json(request, self._limits)
        self._authorize(request, body)
        texts = texts_of(body, self._limits)
        self._answers()
        answers = await self._messages.ask_all(texts)
        return JSONResponse(answers if isinstance(body, list) else answers[0])

    async def predict(self, request: Request) -> Response:
        """What the bot may do after the events of a tracker, best first."""
        body = await read_json(request, self._limits)
        self._authorize(request, body)
        _, domain = self._policies()
        events = told_events(body, domain)
        if len(events) > self._limits.dialogue_events:
            raise Refused(
                HTTPStatus.REQUEST_ENTITY_TOO_LARGE,
                f"{len(events)} events; {self._limits.dialogue_events} are taken (--max-events).",
            )
        predicted = await self._dialogues.ask(events)
        return JSONResponse(prediction(predicted, body, events, domain))

    async def reload(self, request: Request) -> Response:
        """Take the newest version of what is served, if it is another one."""
        self._authorize(request, await read_json(request, self._limits))
        try:
            await asyncio.to_thread(self._newest.renew, again=True)
        except InputError as error:
            raise Refused(
                HTTPStatus.CONFLICT, f"Not reloaded, the older version goes on answering: {error}"
            ) from None
        return Response(status_code=HTTPStatus.NO_CONTENT)

    async def status(self, request: Request) -> Response:
        """What is loaded."""
        self._authorize(request, None)
        current = self._newest.current
        return JSONResponse(
            {
                "model_file": str(self._newest.place),
                "model_id": current.version,
                "num_active_training_jobs": 0,
                "models": dict(current.models),
                "answers": current.answers,
                "loaded_at": self._newest.loaded_at,
            }
        )

    async def version(self, _request: Request) -> Response:
        """Of this package."""
        return JSONResponse({"version": VERSION, "minimum_compatible_version": VERSION})

    async def live(self, _request: Request) -> Response:
        """The process works."""
        return JSONResponse({"status": "live"})

    async def ready(self, _request: Request) -> Response:
        """It wants requests: a model is loaded, and nobody has asked the server to stop."""
        if self._stopping.begun:
            raise Refused(HTTPStatus.SERVICE_UNAVAILABLE, "The server is stopping.")
        return JSONResponse({"status": "ready"})

    async def metrics(self, _request: Request) -> Response:
        """For Prometheus."""
        return Response(generate_latest(self.measured.registry), media_type=CONTENT_TYPE_LATEST)

    async def page(self, _request: Request) -> Response:
        """For people."""
        return HTMLResponse(self._page, headers={"content-security-policy": PAGE_POLICY})

    def _answers(self) -> Messages:
        if (answers := self._newest.current.messages) is None:
            raise Refused(HTTPStatus.CONFLICT, "No model that understands messages is loaded.")
        return answers

    def _policies(self) -> tuple[Dialogues, Domain]:
        current = self._newest.current
        if current.dialogues is None or current.domain is None:
            raise Refused(HTTPStatus.CONFLICT, "No model that goes on with dialogues is loaded.")
        return current.dialogues, current.domain

    def _authorize(self, request: Request, body: Any) -> None:
        """The token comes in the query, as Rasa's own clients send it, a header, or the body."""
        if self._auth_token is None:
            return
        scheme, _, bearer = request.headers.get("authorization", "").partition(" ")
        given: list[Any] = [request.query_params.get("token")]
        if scheme.lower() == "bearer":
            given.append(bearer.encode("latin-1").decode(errors="replace"))  # as headers are read
        if isinstance(body, dict):
            given.append(body.get("token"))
        expected = self._auth_token.encode()
        tokens = [token.encode() for token in given if isinstance(token, str)]
        if not any([hmac.compare_digest(token, expected) for token in tokens]):
            raise Refused(HTTPStatus.UNAUTHORIZED, "User is not authenticated: wrong or no token.")


def make_app(
    newest: NewestModel,
    limits: Limits,
    *,
    auth_token: str | None = None,
    stopping: Stopping | None = None,
) -> Starlette:
    """The application; see `Api`."""
    stopping = stopping or Stopping()
    api = Api(newest, limits, auth_token, stopping)
    routes = api.routes()
    watched = Middleware(
        WatchedRequests,
        measured=api.measured,
        stopping=stopping,
        paths=frozenset(route.path for route in routes),
    )
    return Starlette(
        routes=routes,
        lifespan=api.lifespan,
        middleware=[watched],
        exception_handlers={
            Refused: _refused,
            HTTPException: _no_such_path,
            Exception: _failed,
        },
    )


def _refused(_request: Request, error: Any) -> Response:
    return _error(error.status, error.message)


def _no_such_path(request: Request, error: Any) -> Response:
    return _error(error.status_code, f"{request.method} {request.url.path}: {error.detail}.")


def _failed(_request: Request, error: Exception) -> Response:
    return _error(HTTPStatus.INTERNAL_SERVER_ERROR, "An unexpected error occurred; see the log.")


def _error(status: int, message: str) -> Response:
    headers = {"connection": "close"} if status in ENDS_CONNECTION else {}
    if status == HTTPStatus.UNAUTHORIZED:
        headers["www-authenticate"] = "Bearer"
    body = json.dumps(error_body(status, message, VERSION), ensure_ascii=False)
    return Response(body + "\n", status, headers, media_type="application/json")
