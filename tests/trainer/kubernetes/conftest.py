"""What the tests of jobs on Kubernetes share: options, the cluster's definition of MPIJob."""

from __future__ import annotations

import functools
from dataclasses import dataclass
from pathlib import Path

import pytest
import yaml
from api_double import ApiDouble

from trainer.cli import submit as submit_cli
from trainer.cli.main import main
from trainer.kubernetes.follow import Patience

ROOT = Path(__file__).resolve().parents[3]
DEFINITION = ROOT.parent / "shared" / "data" / "k8s" / "mpijobs.kubeflow.org.crd.yaml"


@pytest.fixture(scope="session")
def definition() -> dict:
    """The CustomResourceDefinition of MPIJob, as mpi-operator 0.8 installs it."""
    if not DEFINITION.is_file():
        pytest.skip(f"needs {DEFINITION.name} in ../shared/data/k8s")
    return _undescribed(yaml.load(DEFINITION.read_text(encoding="utf-8"), yaml.CSafeLoader))


def _undescribed(schema):
    """Without its descriptions a definition is a tenth as long, and means the same."""
    if isinstance(schema, dict):
        return {
            key: _undescribed(child)
            for key, child in schema.items()
            if key != "description" or not isinstance(child, str)
        }
    return [_undescribed(child) for child in schema] if isinstance(schema, list) else schema


@pytest.fixture
def server(definition):
    """An API server that knows MPIJob."""
    double = ApiDouble(definition)
    yield double
    double.stop()


@pytest.fixture
def write_kubeconfig(tmp_path):
    """`write_kubeconfig(context=(url, namespace), ...)`; the first context is the current one."""

    def write(**contexts: tuple[str, str]) -> Path:
        names = list(contexts)
        path = tmp_path / f"kubeconfig-{'-'.join(contexts)}"
        config = {
            "apiVersion": "v1",
            "kind": "Config",
            "current-context": names[0],
            "users": [{"name": "me", "user": {"token": "secret"}}],
            "clusters": [
                {"name": name, "cluster": {"server": url}} for name, (url, _) in contexts.items()
            ],
            "contexts": [
                {
                    "name": name,
                    "context": {"cluster": name, "user": "me", "namespace": namespace},
                }
                for name, (_, namespace) in contexts.items()
            ],
        }
        path.write_text(yaml.safe_dump(config), encoding="utf-8")
        return path

    return write


@dataclass(frozen=True)
class Result:
    """How a command ended."""

    code: int
    out: str
    err: str


@pytest.fixture
def submit(server, write_kubeconfig, monkeypatch, capsys):
    """`submit(...)` is `python -m trainer submit ...` against `server`, without pauses."""
    config = ("--kubeconfig", write_kubeconfig(here=(server.url, "ml")))
    monkeypatch.setattr(submit_cli, "Patience", functools.partial(Patience, look=0, retry=0))

    def run(*arguments: object) -> Result:
        named = arguments[0] in submit_cli.submit.commands
        arguments = (*arguments[:named], *config, *arguments[named:])
        monkeypatch.setattr("sys.argv", ["trainer", "submit", *map(str, arguments)])
        code = 0
        try:
            main()
        except SystemExit as end:
            code = end.code or 0
        return Result(code, *capsys.readouterr())

    return run
