"""The command that shows a configuration: `config`, with `--migrate` in the words of Rasa 3."""

from __future__ import annotations

from pathlib import Path

import click
import yaml

from trainer.cli.answer import write_text
from trainer.cli.quiet_start import load_tensorflow

PATH = click.Path(path_type=Path)


@click.command()
@click.argument("project", type=PATH)
@click.option("--migrate", is_flag=True, help="Write config.yml as Rasa 3 has it.")
@click.option("--out", type=PATH, help="Where to. [standard output]")
def config(project: Path, migrate: bool, out: Path | None) -> None:
    """Show what happens to each component of a project, or rewrite its config.yml for Rasa 3."""
    load_tensorflow()
    from trainer.components import component_table
    from trainer.config.project import Project
    from trainer.config.rasa_config import RasaConfig

    rasa = RasaConfig.read(Project.from_directory(project).config)
    if migrate:
        text = yaml.safe_dump(rasa.content, sort_keys=False, allow_unicode=True, width=100)
    else:
        names = [name for of_section in rasa.names().values() for name in of_section]
        text = "\n".join([*rasa.notes, component_table(names)]) + "\n"
    if out is None:
        click.echo(text, nl=False)
    else:
        write_text(out, text)
        click.echo(f"Written: {out}")
