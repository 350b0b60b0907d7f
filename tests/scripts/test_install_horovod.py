"""What scripts/install_horovod.sh promises before it builds anything."""

import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

SCRIPT = Path(__file__).resolve().parents[2] / "scripts" / "install_horovod.sh"
BASH = shutil.which("bash")


@pytest.fixture
def run_script(tmp_path):
    """Runs the script with no command on PATH and an empty cache."""

    def run(*arguments, **variables):
        empty = tmp_path / "bin"
        empty.mkdir()
        environment = {k: v for k, v in os.environ.items() if not k.startswith("HOROVOD_")}
        environment.pop("CXX", None)
        environment |= {"PATH": str(empty), "XDG_CACHE_HOME": str(tmp_path / "cache"), **variables}
        return subprocess.run(
            [BASH, str(SCRIPT), *arguments], env=environment, capture_output=True, text=True
        )

    return run


def assert_one_line(result, *expected):
    assert result.returncode == 2, result.stderr
    assert result.stdout == ""
    assert len(result.stderr.splitlines()) == 1, result.stderr
    for text in expected:
        assert text in result.stderr


def test_syntax():
    subprocess.run([BASH, "-n", str(SCRIPT)], check=True)


# --rebuild, because where Horovod is installed the script otherwise has nothing to build.
def test_no_compiler(run_script, tmp_path):
    result = run_script("--rebuild", sys.executable)
    assert_one_line(result, "no C++17 compiler found", "install one")
    assert not (tmp_path / "cache").exists()


def test_a_compiler_chosen_by_name_is_not_replaced(run_script):
    result = run_script("--rebuild", sys.executable, CXX="no-such-compiler")
    assert_one_line(result, "CXX=no-such-compiler is not a working C++17 compiler")


def test_mpi_is_asked_for_but_not_there(run_script):
    result = run_script("--rebuild", sys.executable, HOROVOD_WITH_MPI="1")
    assert_one_line(result, "HOROVOD_WITH_MPI=1 needs mpicxx")


def test_no_such_python(run_script, tmp_path):
    result = run_script(str(tmp_path / "python"))
    assert_one_line(result, f"no Python at {tmp_path / 'python'}")


def test_python_without_tensorflow(run_script, tmp_path):
    subprocess.run([sys.executable, "-m", "venv", "--without-pip", tmp_path / "bare"], check=True)
    python = tmp_path / "bare" / "bin" / "python"
    result = run_script(str(python))
    assert_one_line(result, f"{python} has no TensorFlow")


def test_too_many_arguments(run_script):
    assert_one_line(run_script("one", "two"), "usage:")
