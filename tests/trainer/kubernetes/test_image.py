"""The image's recipe and what goes into it, as far as can be told without building it."""

from __future__ import annotations

import fnmatch
import re
import subprocess
from pathlib import Path

import pytest

from trainer.kubernetes import pods

ROOT = Path(__file__).resolve().parents[3]
DOCKERFILE = (ROOT / "k8s" / "Dockerfile").read_text(encoding="utf-8")
SCRIPTS = ("launch-training", "stop-training", "install-system", "install-python")


def copied() -> list[str]:
    """What the recipe takes from the repository."""
    lines = re.findall(r"^COPY (?!--from)(.+)$", DOCKERFILE, flags=re.MULTILINE)
    return [source for line in lines for source in line.split()[:-1]]


@pytest.mark.parametrize("source", copied())
def test_what_the_recipe_copies_is_there_and_is_not_ignored(source):
    assert (ROOT / source).exists()
    rules = (ROOT / ".dockerignore").read_text(encoding="utf-8").splitlines()
    allowed = [rule[1:] for rule in rules if rule.startswith("!")]
    assert any(fnmatch.fnmatch(source, rule) or source.startswith(f"{rule}/") for rule in allowed)


def test_both_variants_end_without_privileges_and_hold_no_secrets():
    stages = re.split(r"^FROM ", DOCKERFILE, flags=re.MULTILINE)[1:]
    final = {stage.split()[2]: stage for stage in stages if stage.split()[2] in ("cpu", "gpu")}
    assert set(final) == {"cpu", "gpu"}
    for stage in final.values():
        assert f"USER {pods.USER_ID}:{pods.USER_ID}" in stage and "HEALTHCHECK" in stage
    assert not re.search(r"(?i)password|secret|token|_key", DOCKERFILE)


def test_pods_and_image_agree_on_sshd():
    config = (ROOT / "k8s" / "image" / "sshd_config").read_text(encoding="utf-8")
    assert f"\nPort {pods.SSH_PORT}\n" in config
    assert f"\nHostKey {pods.SSH_DIRECTORY}/id_rsa\n" in config
    assert f"k8s/image/sshd_config {pods.SSHD_CONFIG}" in DOCKERFILE
    client = (ROOT / "k8s" / "image" / "ssh_config").read_text(encoding="utf-8")
    assert f"Port {pods.SSH_PORT}\n" in client
    system = (ROOT / "k8s" / "image" / "install-system").read_text(encoding="utf-8")
    assert f"--uid {pods.USER_ID} " in system


@pytest.mark.parametrize("name", SCRIPTS)
def test_scripts_in_the_image_parse(name):
    subprocess.run(["sh", "-n", ROOT / "k8s" / "image" / name], check=True)


@pytest.mark.parametrize("name", ["build_image.sh", "rehearse_launch.sh"])
def test_scripts_around_the_image_parse(name):
    subprocess.run(["bash", "-n", ROOT / "scripts" / name], check=True)
