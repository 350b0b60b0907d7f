"""A small Kubernetes API server for MPIJobs, over real HTTP, to test against.

What it does was seen on a real server: it fills in the defaults of the definition, drops nulls and
(unless asked to be strict) unknown fields, answers 409, 422 with causes, 403 and 404 as `Status`
objects, keeps `status` a subresource, counts changes as `resourceVersion`, and lets a client watch
for them. Jobs do nothing by themselves: a test gives them a script of conditions, of which each
look at the job takes one, or is the operator itself and puts a status.
"""

from __future__ import annotations

import http.server
import threading
from collections import defaultdict

import jsonschema
from api_http import Handler, Refused
from api_schema import fill_defaults, merged, prune, without_nulls

NOW = "2026-01-01T00:00:00Z"


class ApiDouble:
    """The server's state, and how a test arranges it.

    Attributes:
        jobs: by (namespace, name).
        scripts: by name, the conditions that the next looks at a job will see; the last one stays.
        logs: by pod, one list of pieces of bytes per connection; `None` breaks the connection.
        denied: (verb, resource) pairs that are answered with 403.
        unanswered: how many of the next requests get no answer at all.
        definition: None = MPIJob is not installed.
        requests: method and path of all that came; "WATCH" is a method here.
        forgotten: watching from this version or an earlier one is answered with 410.
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
        self.forgotten = 0
        self._version = 0
        self._changed = threading.Condition()
        double = self

        class OwnHandler(Handler):
            server_state = double

        self._server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), OwnHandler)
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
            self._store(namespace, name, job)
        return job

    def look(self, namespace: str, name: str) -> dict:
        self._job(namespace, name)
        steps = self.scripts.get(name)
        if steps:
            conditions = steps.pop(0) if len(steps) > 1 else steps[0]
            self.put_status(namespace, name, {"conditions": conditions})
        return self._job(namespace, name)

    def patch(self, namespace: str, name: str, patch: dict) -> dict:
        job = self._job(namespace, name)
        changed = merged(job, {key: part for key, part in patch.items() if key != "status"})
        self._check(changed, strict=False)
        self._store(namespace, name, changed)
        return changed

    def put_status(self, namespace: str, name: str, status: dict) -> dict:
        """What the operator does; of what is put, only the status is looked at."""
        job = self._job(namespace, name)
        if job.get("status") != status:
            self._store(namespace, name, {**job, "status": status})
        return self._job(namespace, name)

    def wait_for_change(
        self, namespace: str, name: str, version: int, seconds: float
    ) -> dict | None:
        """The event that a watch from this version sees, if there is one in time."""
        if version <= self.forgotten:
            raise Refused(410, "Expired", f"too old resource version: {version}")

        def event() -> dict | None:
            job = self.jobs.get((namespace, name))
            if job is None:
                return {"type": "DELETED", "object": {}}
            newer = int(job["metadata"]["resourceVersion"]) > version
            return {"type": "MODIFIED", "object": job} if newer else None

        with self._changed:
            return self._changed.wait_for(event, seconds)

    def _store(self, namespace: str, name: str, job: dict | None) -> None:
        with self._changed:
            self._version += 1
            if job is None:
                del self.jobs[namespace, name]
            else:
                version = {"resourceVersion": str(self._version)}
                self.jobs[namespace, name] = {**job, "metadata": {**job["metadata"], **version}}
            self._changed.notify_all()

    def delete(self, namespace: str, name: str) -> dict:
        self._job(namespace, name)
        self._store(namespace, name, None)
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


def _condition(kind: str) -> dict:
    return {"type": kind, "status": "True", "reason": f"MPIJob{kind}", "message": f"job: {kind}"}
