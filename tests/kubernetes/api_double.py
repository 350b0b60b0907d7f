"""A small Kubernetes API server for MPIJobs, over real HTTP, to test against.

What it does was seen on a real server: it fills in the defaults of the definition, drops nulls and
(unless asked to be strict) unknown fields, answers 409, 422 with causes, 403 and 404 as `Status`
objects, and keeps `status` a subresource. Jobs do nothing by themselves: a test gives them a script
of conditions, of which each look at the job takes one.
"""

from __future__ import annotations

import http.server
import json
import threading
from collections import defaultdict
from urllib.parse import parse_qs, urlsplit

import jsonschema
from api_schema import fill_defaults, merged, prune, without_nulls

GROUP_PATH = "/apis/kubeflow.org/v2beta1/namespaces/"
DEFINITION_PATH = "/apis/apiextensions.k8s.io/v1/customresourcedefinitions/mpijobs.kubeflow.org"
NOW = "2026-01-01T00:00:00Z"


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


class ApiDouble:
    """The server's state, and how a test arranges it.

    Attributes:
        jobs: by (namespace, name).
        scripts: by name, the conditions that the next looks at a job will see; the last one stays.
        logs: by pod, one list of pieces of bytes per connection; `None` breaks the connection.
        denied: (verb, resource) pairs that are answered with 403.
        unanswered: how many of the next requests get no answer at all.
        definition: None = MPIJob is not installed.
    """

    def __init__(self, definition: dict):
        self.definition: dict | None = definition
        self.jobs: dict[tuple[str, str], dict] = {}
        self.scripts: dict[str, list[list[dict]]] = {}
        self.pods: dict[str, list[dict]] = defaultdict(list)
        self.logs: dict[str, list[list[bytes | None]]] = {}
        self.events: list[dict] = []
        self.denied: set[tuple[str, str]] = set()
        self.unanswered = 0
        self.requests: list[str] = []
        double = self

        class Handler(_Handler):
            server_state = double

        self._server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self._server.daemon_threads = True
        self._thread = threading.Thread(target=self._server.serve_forever, args=(0.01,))
        self._thread.start()

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self._server.server_port}"

    def stop(self) -> None:
        """End; what connects afterwards is refused."""
        self._server.shutdown()
        self._server.server_close()
        self._thread.join()

    # --- What a test arranges -------------------------------------------------------------------

    def script(self, name: str, *states: str) -> None:
        """The next looks at the job see these; "A+B" = both conditions are true."""
        steps = [[_condition(kind) for kind in state.split("+") if kind] for state in states]
        self.scripts[name] = steps

    def add_pod(self, job: str, pod: str, *connections: list[bytes | None], phase="Running"):
        role = "launcher" if "launcher" in pod else "worker"
        labels = {
            "training.kubeflow.org/job-name": job,
            "training.kubeflow.org/job-role": role,
        }
        created = f"2026-01-01T00:00:{len(self.pods[job]):02}Z"
        metadata = {"name": pod, "labels": labels, "creationTimestamp": created}
        self.pods[job].append({"metadata": metadata, "status": {"phase": phase}})
        self.logs[pod] = list(connections)

    def add_event(self, name: str, reason: str, message: str, kind: str = "Warning") -> None:
        self.events.append(
            {
                "metadata": {"name": f"{name}.{len(self.events)}"},
                "involvedObject": {"name": name},
                "type": kind,
                "reason": reason,
                "message": message,
                "lastTimestamp": f"2026-01-01T00:00:{len(self.events):02}Z",
            }
        )

    # --- What the server does -------------------------------------------------------------------

    def create(self, namespace: str, body: dict, query: dict) -> dict:
        job = without_nulls(body)
        name = job["metadata"].get("name")
        self._check(job, strict=query.get("fieldValidation") == "Strict")
        if (namespace, name) in self.jobs:
            raise Refused(409, "AlreadyExists", f'mpijobs.kubeflow.org "{name}" already exists')
        fill_defaults(self._schema(), job)
        job["metadata"] |= {"namespace": namespace, "uid": name, "creationTimestamp": NOW}
        job.pop("status", None)
        if query.get("dryRun") != "All":
            self.jobs[namespace, name] = job
        return job

    def look(self, namespace: str, name: str) -> dict:
        job = self._job(namespace, name)
        steps = self.scripts.get(name)
        if steps:
            conditions = steps.pop(0) if len(steps) > 1 else steps[0]
            job["status"] = {"conditions": conditions}
        return job

    def patch(self, namespace: str, name: str, patch: dict) -> dict:
        changed = merged(self._job(namespace, name), patch)
        self._check(changed, strict=False)
        self.jobs[namespace, name] = changed
        return changed

    def delete(self, namespace: str, name: str) -> dict:
        self._job(namespace, name)
        del self.jobs[namespace, name]
        return {"kind": "Status", "apiVersion": "v1", "status": "Success"}

    def _job(self, namespace: str, name: str) -> dict:
        if (namespace, name) not in self.jobs:
            raise Refused(404, "NotFound", f'mpijobs.kubeflow.org "{name}" not found')
        return self.jobs[namespace, name]

    def _schema(self) -> dict:
        return self.definition["spec"]["versions"][0]["schema"]["openAPIV3Schema"]

    def _check(self, job: dict, *, strict: bool) -> None:
        errors = list(jsonschema.Draft202012Validator(self._schema()).iter_errors(job))
        if errors:
            causes = [{"field": ".".join(map(str, e.path)), "message": e.message} for e in errors]
            told = "; ".join(f"{cause['field']}: {cause['message']}" for cause in causes)
            raise Refused(422, "Invalid", f"MPIJob is invalid: {told}", causes)
        unknown = prune(self._schema(), job, drop=not strict)
        if unknown and strict:
            told = ", ".join(f'unknown field "{path}"' for path in unknown)
            raise Refused(400, "BadRequest", f"strict decoding error: {told}")


class _Handler(http.server.BaseHTTPRequestHandler):
    server_state: ApiDouble
    protocol_version = "HTTP/1.1"

    def log_message(self, *_arguments) -> None:
        """Tests are quiet."""

    def _serve(self, method: str) -> None:
        state, url = self.server_state, urlsplit(self.path)
        query = {key: values[0] for key, values in parse_qs(url.query).items()}
        length = int(self.headers.get("Content-Length") or 0)
        body = json.loads(self.rfile.read(length)) if length else {}
        state.requests.append(f"{method} {url.path}")
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
        self._allow(verbs[method], "mpijobs")
        if method == "POST":
            return state.create(namespace, body, query)
        if method == "GET":
            return state.look(namespace, name)
        if method == "PATCH":
            return state.patch(namespace, name, body)
        return state.delete(namespace, name)

    def _allow(self, verb: str, resource: str) -> None:
        if (verb, resource) in self.server_state.denied:
            raise Refused(403, "Forbidden", f'{resource} is forbidden: User "me" cannot {verb} it')

    def _log(self, pod: str) -> None:
        connections = self.server_state.logs[pod]
        pieces = connections.pop(0) if len(connections) > 1 else connections[0]
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

    def do_PATCH(self) -> None:
        self._serve("PATCH")

    def do_DELETE(self) -> None:
        self._serve("DELETE")


def _condition(kind: str) -> dict:
    return {"type": kind, "status": "True", "reason": f"MPIJob{kind}", "message": f"job: {kind}"}
