"""`python -m trainer serve`: what was trained answers over HTTP."""

from __future__ import annotations

from importlib.util import find_spec
from pathlib import Path
from typing import Any

import click

from data_pipeline.errors import InputError
from trainer.cli.quiet_start import load_tensorflow

PATH = click.Path(path_type=Path)
COUNT = click.IntRange(min=1)
PACKAGES = ("starlette", "uvicorn", "httptools", "prometheus_client")
SECONDS = click.FloatRange(min=0, min_open=True)


@click.command()
@click.argument("path", type=PATH, metavar="RUN_DIR_OR_EXPORT")
@click.option("--host", default="127.0.0.1", show_default=True, help="0.0.0.0: from everywhere.")
@click.option("--port", type=click.IntRange(0, 65535), default=5005, show_default=True)
@click.option("--auth-token", envvar="SERVE_AUTH_TOKEN", help="What clients must know. [nothing]")
@click.option(
    "--watch-seconds",
    type=click.FloatRange(min=0),
    default=10.0,
    show_default=True,
    help="Look for a newer version so often; 0: on SIGHUP and PUT /model only.",
)
@click.option("--max-batch", type=COUNT, default=32, show_default=True, help="Answered at once.")
@click.option(
    "--batch-wait-ms",
    type=click.FloatRange(min=0),
    default=1.0,
    show_default=True,
    help="So long a message waits for others, if the model is free.",
)
@click.option("--max-waiting", type=COUNT, default=1024, show_default=True, help="Else: 503.")
@click.option("--max-body", type=COUNT, default=1 << 20, show_default=True, help="In bytes.")
@click.option("--max-text", type=COUNT, default=4096, show_default=True, help="In characters.")
@click.option("--max-messages", type=COUNT, default=128, show_default=True, help="Per request.")
@click.option("--max-events", type=COUNT, default=4096, show_default=True, help="Per dialogue.")
@click.option(
    "--timeout", type=SECONDS, default=30.0, show_default=True, help="For a body; for an answer."
)
@click.option("--header-timeout", type=SECONDS, default=10.0, show_default=True)
@click.option(
    "--drain-seconds",
    type=click.FloatRange(min=0),
    default=0.0,
    show_default=True,
    help="After SIGTERM: not ready any more, but still answering.",
)
def serve(path: Path, **options: Any) -> None:
    """Answer over HTTP as Rasa does: POST /model/parse and /model/predict, and a page at /.

    Bodies, texts and times are limited; SIGTERM ends it when everything taken is answered.
    """
    missing = [name for name in PACKAGES if find_spec(name) is None]
    if missing:
        raise InputError(
            f"serve needs {', '.join(missing)}, not installed here: "
            "pip install 'diet-ted-trainer[serve]'."
        )
    load_tensorflow()
    from trainer.serving.limits import Limits
    from trainer.serving.newest_model import NewestModel
    from trainer.serving.server import ServerOptions
    from trainer.serving.server import serve as serve_until_stopped
    from trainer.serving.sources.chosen import source_of

    limits = Limits(
        body_bytes=options["max_body"],
        text_characters=options["max_text"],
        dialogue_events=options["max_events"],
        messages=options["max_messages"],
        batch=options["max_batch"],
        batch_wait_seconds=options["batch_wait_ms"] / 1000,
        waiting=options["max_waiting"],
        seconds=options["timeout"],
        header_seconds=options["header_timeout"],
    )
    server = ServerOptions(
        host=options["host"],
        port=options["port"],
        auth_token=options["auth_token"],
        watch_seconds=options["watch_seconds"],
        drain_seconds=options["drain_seconds"],
    )
    serve_until_stopped(NewestModel(source_of(path)), server, limits)
