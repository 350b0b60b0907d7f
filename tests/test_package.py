"""`pip install .` gives a command that trains, evaluates and answers, anywhere, without Horovod."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
import sysconfig
import venv
import zipfile
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[1]
PACKAGES = ("trainer", "model", "data_pipeline")
PIP = (sys.executable, "-m", "pip", "--disable-pip-version-check", "--quiet")
TINY = (
    *("--epochs", "1", "--set", "batch_size=64", "--set", "embedding_dimension=4"),
    *("--set", "diet.transformer_size=8", "--set", "diet.number_of_transformer_layers=1"),
    *("--set", "augmentation_factor=0"),
)


def _sources(folder: Path) -> set[str]:
    return {path.relative_to(ROOT).as_posix() for path in folder.rglob("*.py")}


@pytest.fixture(scope="module")
def wheel(tmp_path_factory) -> Path:
    """The wheel, built from a copy: setuptools leaves its `build` folder where it works."""
    directory = tmp_path_factory.mktemp("wheel")
    copy = directory / "copy"
    copy.mkdir()
    for name in ("pyproject.toml", "setup.py", "README.md", "LICENSE"):
        shutil.copy(ROOT / name, copy)
    for name in (*PACKAGES, "examples", "tests", "scripts"):
        shutil.copytree(ROOT / name, copy / name, ignore=shutil.ignore_patterns("__pycache__"))
    build = (*PIP, "wheel", "--no-deps", "--no-build-isolation", "--wheel-dir", directory, copy)
    subprocess.run(build, check=True)
    (built,) = directory.glob("*.whl")
    return built


@pytest.fixture(scope="module")
def installed(wheel, tmp_path_factory) -> Path:
    """A virtual environment with the wheel and all that it needs, which Horovod is not."""
    directory = tmp_path_factory.mktemp("installed")
    venv.create(directory, symlinks=True)
    there = Path(sysconfig.get_path("purelib"))
    here = Path(sysconfig.get_path("purelib", "venv", {"base": str(directory)}))
    for entry in there.iterdir():
        if not entry.name.startswith(("horovod", "diet_ted_trainer", "__")):
            (here / entry.name).symlink_to(entry)
    subprocess.run(
        (*PIP, "--python", directory / "bin" / "python", "install", "--no-deps", wheel), check=True
    )
    return directory


@pytest.fixture(scope="module")
def run(installed, tmp_path_factory):
    """`run("diet-ted-trainer", ...)`: a command of the environment, in a directory of its own."""
    place = tmp_path_factory.mktemp("anywhere")
    environment = {key: value for key, value in os.environ.items() if key != "PYTHONPATH"}

    def started(
        command: str, *arguments: object, code: int = 0
    ) -> subprocess.CompletedProcess[str]:
        line = [str(installed / "bin" / command), *map(str, arguments)]
        done = subprocess.run(line, cwd=place, env=environment, capture_output=True, text=True)
        assert done.returncode == code, done.stderr[-4000:]
        return done

    return started


def test_a_wheel_holds_the_three_packages_and_the_example(wheel):
    names = set(zipfile.ZipFile(wheel).namelist())
    sources = set().union(*(_sources(ROOT / name) for name in PACKAGES))
    files = (path for path in (ROOT / "examples").rglob("*") if path.is_file())
    data = {f"trainer/{path.relative_to(ROOT).as_posix()}" for path in files}
    about = {name for name in names if ".dist-info/" in name}
    others = {"trainer/serving/page.html", *(f"{name}/py.typed" for name in PACKAGES)}
    assert names - about == sources | data | others
    assert any(name.endswith("/licenses/LICENSE") for name in about)


@pytest.mark.slow
def test_an_installation_has_no_horovod_and_takes_nothing_from_here(run, installed):
    look = "import trainer; print(trainer.__file__); import horovod"
    looked = run("python", "-c", look, code=1)
    assert Path(looked.stdout.strip()).is_relative_to(installed)
    assert "No module named 'horovod'" in looked.stderr


@pytest.mark.slow
def test_the_command_trains_evaluates_and_answers_from_any_directory(run, installed, tmp_path):
    trained = run("diet-ted-trainer", *TINY)
    assert "the bundled example" in trained.stderr + trained.stdout
    (example,) = installed.glob("lib/*/site-packages/trainer/examples/pizza")
    for kind, file in (("--nlu", "test_nlu.yml"), ("--stories", "test_stories.yml")):
        result = tmp_path / f"{kind[2:]}.json"
        tests = example / "tests" / file
        run("diet-ted-trainer", "evaluate", "runs/pizza", kind, tests, "--json", result)
        assert json.loads(result.read_text(encoding="utf-8"))
    answered = run("diet-ted-trainer", "predict", "runs/pizza", "two large pizzas")
    answer = json.loads(answered.stdout)
    assert answer["text"] == "two large pizzas" and answer["intent"]["name"]


@pytest.mark.slow
def test_the_command_is_the_module(run):
    command = run("diet-ted-trainer", "train", "--help").stdout
    module = run("python", "-m", "trainer", "train", "--help").stdout
    assert command.replace("diet-ted-trainer", "python -m trainer") == module
