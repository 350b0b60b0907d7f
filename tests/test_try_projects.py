"""scripts/try_projects.py: a project that trains, one that is refused, one that is no project."""

from __future__ import annotations

import shutil
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parent.parent
NLU = 'version: "3.1"\nnlu:\n- intent: greet\n  examples: |\n    - hi\n    - hello\n    - hey you\n'
NLU += "- intent: bye\n  examples: |\n    - bye\n    - see you\n    - good bye\n"
CONFIG = "pipeline:\n- name: WhitespaceTokenizer\n- name: CountVectorsFeaturizer\n"
DIET = "- name: DIETClassifier\n  transformer_size: 8\n  entity_recognition: false\n"


@pytest.fixture
def projects(tmp_path):
    for name, config in (
        ("good", CONFIG + DIET + "- name: FallbackClassifier\n"),
        ("none", CONFIG),
    ):
        (tmp_path / "all" / name / "data").mkdir(parents=True)
        (tmp_path / "all" / name / "config.yml").write_text(config)
        (tmp_path / "all" / name / "data" / "nlu.yml").write_text(NLU)
    (tmp_path / "all" / "empty").mkdir()
    yield tmp_path / "all"
    shutil.rmtree(tmp_path / "all")


@pytest.mark.slow
def test_each_project_has_a_row_with_what_happened(projects, tmp_path):
    table = tmp_path / "table.md"
    command = [sys.executable, ROOT / "scripts" / "try_projects.py", projects, "--out", table]
    result = subprocess.run(command, capture_output=True, text=True, cwd=ROOT)
    assert result.returncode == 0, result.stderr
    assert "1 of 3 trained." in result.stderr
    rows = {row.split(" | ")[0][2:]: row for row in table.read_text().splitlines()[2:]}
    assert rows.keys() == {"empty", "good", "none"}
    assert "| 0 | done |" in rows["good"] and "| diet |" in rows["good"]
    assert "FallbackClassifier" in rows["good"]
    assert "| 2 | configuration |" in rows["none"] and "has no DIETClassifier" in rows["none"]
    assert "| 2 | start |" in rows["empty"] and "is not a Rasa project" in rows["empty"]
