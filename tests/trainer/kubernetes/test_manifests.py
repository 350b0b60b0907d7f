"""The manifests in `k8s/`: every overlay renders, is valid, and is what `submit` would send."""

from __future__ import annotations

import functools
import shutil
import subprocess
from pathlib import Path

import kubernetes_validate
import pytest
import yaml

from trainer.distribution.processes.cluster import read_cluster
from trainer.kubernetes.job_options import Claim, JobOptions
from trainer.kubernetes.render import render_job
from trainer.kubernetes.validate import check_against_definition, check_offline

FOLDER = Path(__file__).resolve().parents[3] / "k8s"
OVERLAYS = {
    "base": {},
    "overlays/cpu-smoke": {
        "data": None,
        "cpu": "1",
        "memory": "3Gi",
        "training": ("--epochs", "1"),
    },
    "overlays/gpu": {
        "image": "diet-ted-trainer:gpu",
        "gpus": 8,
        "cpu": "32",
        "memory": "128Gi",
        "shared_memory": "16Gi",
        "tolerations": ({"key": "nvidia.com/gpu", "operator": "Exists", "effect": "NoSchedule"},),
        "training": ("--precision", "mixed_bfloat16"),
    },
    "overlays/elastic": {"min_workers": 1, "max_workers": 4},
    "overlays/kueue": {"queue": "diet-ted"},
}
OTHERS = (
    "multi-worker",
    "single-node",
    "trainjob",
    "serving/http",
    "serving/tensorflow-serving",
)
SERVED_BY_OTHERS = ("kubeflow.org", "trainer.kubeflow.org", "kueue.x-k8s.io")

needs_kubectl = pytest.mark.skipif(shutil.which("kubectl") is None, reason="needs kubectl")


@functools.cache
def rendered(folder: str) -> list[dict]:
    """What `kubectl apply -k` would send."""
    command = ["kubectl", "kustomize", str(FOLDER / folder)]
    result = subprocess.run(command, capture_output=True, text=True)
    assert result.returncode == 0, result.stderr
    return list(yaml.safe_load_all(result.stdout))


def job_in(folder: str) -> dict:
    (job,) = (manifest for manifest in rendered(folder) if manifest["kind"] == "MPIJob")
    return job


def pod_templates(manifest):
    """Every pod template in a manifest, at whatever depth its kind has it."""
    if isinstance(manifest, dict):
        if "containers" in manifest.get("spec", {}):
            yield manifest
        manifest = list(manifest.values())
    if isinstance(manifest, list):
        for child in manifest:
            yield from pod_templates(child)


@needs_kubectl
@pytest.mark.parametrize("folder", OVERLAYS)
def test_an_overlay_is_the_job_that_submit_renders(folder):
    options = {
        "name": "diet-ted",
        "image": "diet-ted-trainer:cpu",
        "data": Claim("diet-ted-data"),
        **OVERLAYS[folder],
    }
    assert job_in(folder) == render_job(JobOptions(**options))


@needs_kubectl
@pytest.mark.parametrize("folder", OVERLAYS)
def test_the_job_of_an_overlay_is_valid(folder, definition):
    check_offline(job_in(folder))
    check_against_definition(job_in(folder), definition)


@needs_kubectl
@pytest.mark.parametrize("folder", [*OVERLAYS, *OTHERS])
def test_all_other_manifests_and_all_pod_templates_are_valid(folder):
    version = kubernetes_validate.latest_version()
    templates = []
    for manifest in rendered(folder):
        templates += pod_templates(manifest)
        if manifest["apiVersion"].split("/")[0] not in SERVED_BY_OTHERS:
            kubernetes_validate.validate(manifest, version, strict=True)
    assert templates
    for template in templates:
        metadata = {"name": "pod", **template.get("metadata", {})}
        pod = {"apiVersion": "v1", "kind": "Pod", "metadata": metadata, "spec": template["spec"]}
        kubernetes_validate.validate(pod, version, strict=True)


@needs_kubectl
@pytest.mark.parametrize("folder", [*OVERLAYS, *OTHERS])
def test_pods_run_without_privileges_and_mount_claims_that_are_there(folder):
    manifests = rendered(folder)
    claims = {m["metadata"]["name"] for m in manifests if m["kind"] == "PersistentVolumeClaim"}
    for template in pod_templates(manifests):
        assert template["spec"]["securityContext"]["runAsNonRoot"]
        for volume in template["spec"].get("volumes", []):
            claim = volume.get("persistentVolumeClaim")
            assert claim is None or claim["claimName"] in claims


@needs_kubectl
def test_pods_that_tensorflow_joins_find_each_other():
    (job,) = (manifest for manifest in rendered("multi-worker") if manifest["kind"] == "Job")
    (service,) = (m for m in rendered("multi-worker") if m["kind"] == "Service")
    name, pods = job["metadata"]["name"], job["spec"]["completions"]
    pod = job["spec"]["template"]["spec"]
    variables = {entry["name"]: entry.get("value") for entry in pod["containers"][0]["env"]}
    for index in range(pods):
        told = {"TF_CONFIG": variables["TF_CONFIG"].replace("$(INDEX)", str(index))}
        cluster = read_cluster(told)
        # As Kubernetes calls the pods of an indexed job.
        assert cluster.hosts[index] == f"{name}-{index}.{service['metadata']['name']}"
        assert cluster.rank == index and cluster.size == pods
    assert pod["subdomain"] == service["metadata"]["name"]
    assert service["spec"]["selector"] == {"job-name": name}
    assert variables["DIET_TED_WORLD_SIZE"] == variables["DIET_TED_WORLD_HOSTS"] == str(pods)


def test_every_folder_with_a_kustomization_is_tested():
    found = {path.parent.relative_to(FOLDER).as_posix() for path in FOLDER.rglob("kustomization.*")}
    assert found == {*OVERLAYS, *OTHERS, "claims"}
