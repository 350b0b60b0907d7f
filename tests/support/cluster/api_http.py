"""The HTTP side of the API double: routes, permissions, streams, and answers that are refusals."""

from __future__ import annotations

import http.server
import json
from typing import TYPE_CHECKING
from urllib.parse import parse_qs, urlsplit

if TYPE_CHECKING:
    from api_double import ApiDouble

GROUP_PATH = "/apis/kubeflow.org/v2beta1/namespaces/"
DEFINITION_PATH = "/apis/apiextensions.k8s.io/v1/customresourcedefinitions/mpijobs.kubeflow.org"


class Refused(Exception):
    """An answer that is not a success."""

    def __init__(self, code: int, reason: str, message: str, causes: list[dict] | None = None):
        super().__init__(message)
        self.code = code
        self.status = {
            "kind": "Status",
            "apiVersion": "v1",
            "status": "Failure",
            "code": code,
            "reason": reason,
            "message": message,
            "details": {"causes": causes or []},
        }


class Handler(http.server.BaseHTTPRequestHandler):
    """Answers requests from the state of a double."""

    server_state: ApiDouble
    protocol_version = "HTTP/1.1"

    def log_message(self, *_arguments) -> None:
        """Tests are quiet."""

    def _serve(self, method: str) -> None:
        state, url = self.server_state, urlsplit(self.path)
        query = {key: values[0] for key, values in parse_qs(url.query).items()}
        length = int(self.headers.get("Content-Length") or 0)
        body = json.loads(self.rfile.read(length)) if length else {}
        watched = method == "GET" and query.get("watch") in ("true", "True")
        state.requests.append(f"{'WATCH' if watched else method} {url.path}")
        if state.unanswered:
            state.unanswered -= 1
            self.close_connection = True
            return
        try:
            created = 201 if method == "POST" else 200
            self._answer(created, self._route(method, url.path, query, body))
        except Refused as refused:
            self._answer(refused.code, refused.status)

    def _route(self, method: str, path: str, query: dict, body: dict) -> dict | None:
        state = self.server_state
        if path == DEFINITION_PATH:
            self._allow("get", "customresourcedefinitions")
            if state.definition is None:
                raise Refused(404, "NotFound", "customresourcedefinitions not found")
            return state.definition
        if path.startswith(GROUP_PATH):
            namespace, _, name = path.removeprefix(GROUP_PATH).partition("/mpijobs")
            if method == "GET" and not name:
                return self._list(namespace, query)
            return self._jobs(method, namespace, name.removeprefix("/"), query, body)
        _, _, _, _, _, resource, *rest = path.split("/")
        if rest:
            self._allow("get", "pods/log")
            return self._log(rest[0])
        self._allow("list", resource)
        if resource == "events":
            return {"kind": "EventList", "apiVersion": "v1", "items": state.events}
        job = query["labelSelector"].partition("=")[2]
        return {"kind": "PodList", "apiVersion": "v1", "items": state.pods[job]}

    def _jobs(self, method: str, namespace: str, name: str, query: dict, body: dict) -> dict:
        state = self.server_state
        verbs = {"POST": "create", "GET": "get", "PATCH": "patch", "DELETE": "delete"}
        name, _, part = name.partition("/")
        self._allow(verbs.get(method, "update"), f"mpijobs/{part}".rstrip("/"))
        if (method, part) == ("PUT", "status"):
            return state.put_status(namespace, name, body["status"])
        if method == "POST":
            return state.create(namespace, body, query)
        if method == "GET":
            return state.look(namespace, name)
        if method == "PATCH":
            return state.patch(namespace, name, body)
        return state.delete(namespace, name)

    def _list(self, namespace: str, query: dict) -> dict | None:
        state, watched = self.server_state, query.get("watch") in ("true", "True")
        self._allow("watch" if watched else "list", "mpijobs")
        name = query["fieldSelector"].removeprefix("metadata.name=")
        if not watched:
            found = [job for key, job in state.jobs.items() if key == (namespace, name)]
            return {"kind": "MPIJobList", "items": found}
        version, seconds = int(query["resourceVersion"]), float(query["timeoutSeconds"])
        event = state.wait_for_change(namespace, name, version, seconds)
        self._stream([json.dumps(event).encode() + b"\n"] if event else [])
        return None

    def _allow(self, verb: str, resource: str) -> None:
        if (verb, resource) in self.server_state.denied:
            raise Refused(403, "Forbidden", f'{resource} is forbidden: User "me" cannot {verb} it')

    def _log(self, pod: str) -> None:
        connections = self.server_state.logs[pod]
        self._stream(connections.pop(0) if len(connections) > 1 else connections[0])

    def _stream(self, pieces: list[bytes | None]) -> None:
        self.send_response(200)
        self.send_header("Transfer-Encoding", "chunked")
        self.end_headers()
        for piece in pieces:
            if piece is None:
                self.close_connection = True
                return
            self.wfile.write(b"%x\r\n%s\r\n" % (len(piece), piece))
        self.wfile.write(b"0\r\n\r\n")

    def _answer(self, code: int, content: dict | None) -> None:
        if content is None:  # already sent
            return
        data = json.dumps(content).encode()
        self.send_response(code)
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(len(data)))
        self.end_headers()
        self.wfile.write(data)

    def do_GET(self) -> None:
        self._serve("GET")

    def do_POST(self) -> None:
        self._serve("POST")

    def do_PUT(self) -> None:
        self._serve("PUT")

    def do_PATCH(self) -> None:
        self._serve("PATCH")

    def do_DELETE(self) -> None:
        self._serve("DELETE")
