"""Which files of a directory are a project's."""

from __future__ import annotations

from trainer.config.project import Project


def test_of_a_domain_file_and_a_domain_folder_the_file_counts(project):
    (project / "domain").mkdir()
    assert Project.from_directory(project).domain == (project / "domain",)
    (project / "domain.yml").write_text("intents: [x]\n")
    assert Project.from_directory(project).domain == (project / "domain.yml",)
