"""The rules about who imports whom, checked on the source without running it."""

import ast
import subprocess
import sys
from pathlib import Path, PurePosixPath

import pytest

from trainer.models import MODELS

ROOT = Path(__file__).resolve().parent.parent
PACKAGES = ("trainer", "model", "data_pipeline")
FORBIDDEN_IMPORTS = {
    "model": ("data_pipeline", "trainer"),
    "data_pipeline": ("model", "trainer"),
    "serving": ("model", "trainer", "data_pipeline"),  # lives elsewhere, without us
}
# Private or outdated ways to Keras. The one way in is `import keras`.
FORBIDDEN_EVERYWHERE = ("keras.src", "tf_keras", "tensorflow.keras", "tensorflow.python.keras")
# A model is known by its name, its rooms and its component to its own rooms and to `MODELS`. Of all
# others these may name one, and why.
ACQUAINTED = {
    "trainer/models.py": "is the list",
    "trainer/front_door.py": "offers short cuts to DIET and TED beside what holds for all models",
    "trainer/records/run_directory.py": "reads runs of when there were two, and none was named",
    "trainer/config/auto_configuration.py": "holds what Rasa suggests where config.yml is empty",
    "trainer/config/earlier_versions.py": "says in the words of Rasa 3 what earlier ones meant",
    "data_pipeline/featurizers/component_names.py": "lists the components of Rasa",
}
ROOMS_OF_MODELS = {kind.__module__.split(".")[1] for kind in MODELS}
NAMES_OF_MODELS = {name for kind in MODELS for name in (kind.model, kind.component)}
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


def models_named(path: str, source: str) -> set[str]:
    """Which models the file at `path` knows that is none of theirs: names, components, modules."""
    place = PurePosixPath(path)
    if place.parts[0] in ("trainer", "model") and place.parts[1] in ROOMS_OF_MODELS:
        return set()
    found = set()
    for node in ast.walk(ast.parse(source, path)):
        said = node.value if isinstance(node, ast.Constant) else None
        said = node.attr if isinstance(node, ast.Attribute) else said
        said = node.id if isinstance(node, ast.Name) else said
        if isinstance(said, str) and said.split(".")[0] in NAMES_OF_MODELS:
            found.add(said)
    modules = (name.split(".") for name in names_used(source, path))
    found |= {
        ".".join(parts)
        for parts in modules
        if parts[0] in ("trainer", "model") and len(parts) > 1 and parts[1] in ROOMS_OF_MODELS
    }
    return found


def test_a_model_is_known_to_its_own_rooms_and_to_the_list_alone():
    found = {}
    for package in PACKAGES:
        for file in sorted((ROOT / package).rglob("*.py")):
            path = file.relative_to(ROOT).as_posix()
            if named := models_named(path, file.read_text(encoding="utf-8")):
                found[path] = named
    assert found.keys() - ACQUAINTED.keys() == set(), found
    assert ACQUAINTED.keys() - found.keys() == set(), "these need not be excused any more"


@pytest.mark.parametrize(
    ("path", "source"),
    [
        ("trainer/trained_run.py", "from trainer.diet.trained import TrainedDIET"),
        ("trainer/cli/answer.py", "def f():\n    import trainer.ted.served"),
        ("trainer/export/saved_model.py", "from model.unexpected_intent import options"),
        ("trainer/serving/app.py", "POLICY = 'TEDPolicy'"),
        ("trainer/run/train.py", "if task.model == 'ted': pass"),
        ("trainer/run/train.py", "'ted.epochs'"),
        ("trainer/cli/conversation.py", "run.diet.answer(text)"),
        ("model/options/shared.py", "import model.response_selector.options"),
    ],
)
def test_who_knows_a_model_is_found(path, source):
    assert models_named(path, source)


@pytest.mark.parametrize(
    ("path", "source"),
    [
        ("trainer/response_selector/trained.py", "from trainer.diet.trained import TrainedDIET"),
        ("model/unexpected_intent/options.py", "from model.ted.options import TEDOptions"),
        ("trainer/run/train.py", "'Trains DIET, TED and so on.'\nf'{task.model} is trained'"),
        ("data_pipeline/dialogue/intents/store.py", "'intent'"),
    ],
)
def test_who_knows_no_model_is_not_found(path, source):
    assert not models_named(path, source)


def test_source_follows_the_rules():
    files = [
        file
        for directory in (*PACKAGES, "serving", "scripts", "tests")
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
        ("serving/rasa/diet_ted_exports/diet.py", "from trainer.export import model_card"),
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
import tensorflow as tf
cpu, *_ = tf.config.list_physical_devices("CPU")
tf.config.set_logical_device_configuration(cpu, [tf.config.LogicalDeviceConfiguration()] * 2)
"""


def test_everything_imports_without_horovod_and_before_devices_are_set_up():
    """Devices can be set up once, and training does it; making a tensor at import would, too."""
    result = subprocess.run(
        [sys.executable, "-c", IMPORT_EVERYTHING], cwd=ROOT, capture_output=True, text=True
    )
    assert result.returncode == 0, result.stderr
