"""The rules about who imports whom, checked on the source without running it."""

import ast
import subprocess
import sys
from pathlib import Path, PurePosixPath

import pytest

ROOT = Path(__file__).resolve().parent.parent
PACKAGES = ("trainer", "model", "data_pipeline")
FORBIDDEN_IMPORTS = {
    "model": ("data_pipeline", "trainer"),
    "data_pipeline": ("model", "trainer"),
}
# Private or outdated ways to Keras. The one way in is `import keras`.
FORBIDDEN_EVERYWHERE = ("keras.src", "tf_keras", "tensorflow.keras", "tensorflow.python.keras")
# Names that say nothing about what is inside, and so collect everything.
FORBIDDEN_MODULES = ("utils", "common", "base", "helpers")


def names_used(source: str, path: str = "<source>") -> set[str]:
    """Full dotted names of what the source imports, and of the attributes it takes from them.

    >>> sorted(names_used("import tensorflow as tf; tf.keras.Model"))
    ['tensorflow', 'tensorflow.keras', 'tensorflow.keras.Model']
    """
    used, bound = set(), {}
    tree = ast.parse(source, path)
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            for alias in node.names:
                used.add(alias.name)
                top = alias.name.split(".")[0]
                bound[alias.asname or top] = alias.name if alias.asname else top
        # A relative import (level > 0) cannot leave its own package, so no rule is about it.
        elif isinstance(node, ast.ImportFrom) and node.level == 0:
            used.add(node.module)
            for alias in node.names:
                used.add(f"{node.module}.{alias.name}")
                bound[alias.asname or alias.name] = f"{node.module}.{alias.name}"
        elif isinstance(node, ast.Call) and node.args:
            called = ast.unparse(node.func).split(".")[-1]
            first = node.args[0]
            if called in ("import_module", "__import__") and isinstance(first, ast.Constant):
                used.add(first.value)
    for node in ast.walk(tree):
        if isinstance(node, ast.Attribute):
            root, _, rest = ast.unparse(node).partition(".")
            if root in bound:
                used.add(f"{bound[root]}.{rest}")
    return used


def violations(path: str, source: str) -> list[str]:
    """What the file at `path`, relative to the root of the repository, does against the rules."""
    place = PurePosixPath(path)
    package = place.parts[0]
    forbidden = list(FORBIDDEN_EVERYWHERE)
    forbidden += FORBIDDEN_IMPORTS.get(package, ())
    # One module or package of the trainer knows ranks and collectives; tests and scripts may look
    # at Horovod directly.
    is_distribution = place.parts[:2] == ("trainer", "distribution")
    if package in PACKAGES and not is_distribution:
        forbidden.append("horovod")

    used = names_used(source, path)
    found = [
        f"{path} uses {prefix}"
        for prefix in forbidden
        if any(name == prefix or name.startswith(prefix + ".") for name in used)
    ]
    if package in PACKAGES and place.stem in FORBIDDEN_MODULES:
        found.append(f"{path} is named {place.name}; name it after what it holds")
    return found


def test_source_follows_the_rules():
    files = [
        file
        for directory in (*PACKAGES, "scripts", "tests")
        for file in sorted((ROOT / directory).rglob("*.py"))
    ]
    assert files, f"no Python files found under {ROOT}"
    found = []
    for file in files:
        found += violations(file.relative_to(ROOT).as_posix(), file.read_text(encoding="utf-8"))
    assert not found, "\n".join(found)


@pytest.mark.parametrize(
    ("path", "source"),
    [
        ("model/diet/diet.py", "import data_pipeline"),
        ("model/diet/diet.py", "from data_pipeline.examples import Message"),
        ("model/diet/diet.py", "def f():\n    from trainer import config"),
        ("model/diet/diet.py", "import importlib\nimportlib.import_module('trainer.run.train')"),
        ("data_pipeline/batches/dataset.py", "from model.batch import FIELDS"),
        ("data_pipeline/rasa/reader.py", "import trainer.config as config"),
        ("trainer/training/loop.py", "import horovod.tensorflow as hvd"),
        ("trainer/training/loop.py", "def f():\n    from horovod import tensorflow"),
        ("model/noise.py", "import horovod"),
        ("trainer/training/loop.py", "import keras\nkeras.src.ops"),
        ("model/diet/diet.py", "from keras.src import layers"),
        ("model/diet/diet.py", "from keras import src"),
        ("model/diet/diet.py", "import tf_keras"),
        ("model/diet/diet.py", "import tensorflow as tf\nclass A(tf.keras.Model): pass"),
        ("model/diet/diet.py", "import tensorflow\ntensorflow.keras.layers.Dense(1)"),
        ("model/diet/diet.py", "from tensorflow import keras"),
        ("tests/test_diet.py", "from tensorflow.keras import layers"),
        ("model/utils.py", ""),
        ("trainer/kubernetes/helpers.py", ""),
        ("data_pipeline/base.py", ""),
        ("data_pipeline/common.py", ""),
    ],
)
def test_a_violation_is_found(path, source):
    assert len(violations(path, source)) == 1


@pytest.mark.parametrize(
    ("path", "source"),
    [
        ("trainer/run/train.py", "import model\nfrom data_pipeline.dataset import make_dataset"),
        ("trainer/distribution/distribution.py", "import horovod.tensorflow as hvd"),
        ("trainer/distribution/ring.py", "def f():\n    import horovod.tensorflow as hvd"),
        ("tests/test_worlds.py", "import horovod.tensorflow as hvd"),
        (
            "model/diet/diet.py",
            "import keras\nimport tensorflow as tf\nkeras.layers.Dense(tf.rank(x))",
        ),
        # Own names that only look like a package.
        ("model/diet/diet.py", "from .model import trainer\nself.trainer.run()"),
        ("model/models.py", "import model_zoo\nfrom modelling import x"),
    ],
)
def test_what_is_allowed_is_not_reported(path, source):
    assert violations(path, source) == []


# Imports every module except the ones for Horovod itself, and `__main__`, which would start.
IMPORT_EVERYTHING = """
import importlib, pkgutil, sys
sys.modules["horovod"] = None  # importing it now fails, as it does where it is not installed
for package in ("trainer", "model", "data_pipeline"):
    found = importlib.import_module(package)
    for module in pkgutil.walk_packages(found.__path__, package + "."):
        if not module.name.startswith("trainer.distribution") and "__main__" not in module.name:
            importlib.import_module(module.name)
"""


def test_everything_imports_without_horovod():
    result = subprocess.run(
        [sys.executable, "-c", IMPORT_EVERYTHING], cwd=ROOT, capture_output=True, text=True
    )
    assert result.returncode == 0, result.stderr
