"""What the tests of jobs on Kubernetes share: options, the cluster's definition of MPIJob."""

from __future__ import annotations

from pathlib import Path

import pytest
import yaml

ROOT = Path(__file__).resolve().parents[2]
DEFINITION = ROOT.parent / "shared" / "data" / "k8s" / "mpijobs.kubeflow.org.crd.yaml"


@pytest.fixture(scope="session")
def definition() -> dict:
    """The CustomResourceDefinition of MPIJob, as mpi-operator 0.8 installs it."""
    if not DEFINITION.is_file():
        pytest.skip(f"needs {DEFINITION.name} in ../shared/data/k8s")
    return yaml.load(DEFINITION.read_text(encoding="utf-8"), yaml.CSafeLoader)
