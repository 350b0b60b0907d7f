"""`python -m trainer submit`: training on Kubernetes, from the command line.

Exit codes of waiting: 0 the job succeeded, 1 it failed, 3 it is not known (waiting took too long).
"""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Any

import click

from data_pipeline.errors import InputError
from trainer.cli.train import Command, train
from trainer.kubernetes.client import Cluster
from trainer.kubernetes.follow import GaveUp, JobWatch, Patience, event_lines, state_of
from trainer.kubernetes.job_options import (
    JobOptions,
    parse_data,
    parse_pairs,
    parse_runs,
    parse_secret,
    parse_toleration,
)
from trainer.kubernetes.launcher_log import LauncherLog
from trainer.kubernetes.render import render_job, to_yaml
from trainer.kubernetes.resize import check_new_size
from trainer.kubernetes.validate import check_offline

EXIT_JOB_FAILED = 1
EXIT_NOT_KNOWN = 3
PATH = click.Path(path_type=Path)


class _CreateByDefault(click.Group):
    """Takes arguments that name no command as those of `create`."""

    def parse_args(self, ctx: click.Context, args: list[str]) -> list[str]:
        if not args or (args[0].startswith("-") and args[0] != "--help"):
            args = ["create", *args]
        return super().parse_args(ctx, args)


@click.group(cls=_CreateByDefault)
def submit() -> None:
    """Train on Kubernetes (mpi-operator). Without a command: `create`."""


def _job_options(command: Command) -> Command:
    """The flags that become `JobOptions`; its field names are theirs."""
    many: dict[str, Any] = {"multiple": True}
    flags: list[tuple[str, dict[str, Any]]] = [
        ("--name", {"default": "diet-ted", "help": "Names the job; training goes to /runs/NAME."}),
        ("--image", {"required": True, "help": "An image built from k8s/Dockerfile."}),
        ("--workers", {"type": int, "default": 2, "help": "Worker pods."}),
        ("--gpus", {"type": int, "default": 0, "help": "Per worker: a process each."}),
        ("--cpu", {"default": "4", "help": "Per worker."}),
        ("--memory", {"default": "8Gi", "help": "Per worker."}),
        ("--shared-memory", {"default": "1Gi", "help": "/dev/shm of a worker."}),
        ("--data", {"help": "The project: pvc:CLAIM[/FOLDER], or the URL of an archive."}),
        ("--runs", {"default": "pvc:diet-ted-runs", "help": "Results: pvc:CLAIM[/FOLDER]."}),
        ("--env", many | {"metavar": "KEY=VALUE"}),
        ("--secret", many | {"metavar": "NAME[:/FOLDER]", "help": "A Secret, as files."}),
        ("--image-pull-secret", many | {"metavar": "NAME"}),
        ("--node-selector", many | {"metavar": "KEY=VALUE"}),
        ("--toleration", many | {"metavar": "KEY[=VALUE][:EFFECT]"}),
        ("--priority-class", {"help": "PriorityClass of the pods."}),
        ("--queue", {"help": "LocalQueue of Kueue."}),
        ("--min-workers", {"type": int, "help": "Elastic: the fewest."}),
        ("--max-workers", {"type": int, "help": "Elastic: the most."}),
        ("--backoff-limit", {"type": int, "default": 3, "help": "New attempts after a failure."}),
        ("--ttl-seconds", {"type": int, "help": "Delete the job so long after its end."}),
        ("--deadline-seconds", {"type": int, "help": "End the job after so long."}),
        ("--network-interface", {"default": "eth0", "help": "Of the pods, for elastic jobs."}),
    ]
    command = click.argument("training", nargs=-1, type=click.UNPROCESSED)(command)
    for flag, settings in reversed(flags):
        shown = settings.get("default") is not None
        command = click.option(flag, show_default=shown, **settings)(command)
    return command


def _options_from_flags(flags: dict) -> JobOptions:
    flags["data"] = parse_data(flags["data"]) if flags["data"] else None
    flags["runs"] = parse_runs(flags["runs"])
    flags["env"] = parse_pairs("--env", flags["env"])
    flags["node_selector"] = parse_pairs("--node-selector", flags["node_selector"])
    flags["secrets"] = dict(parse_secret(text) for text in flags.pop("secret"))
    flags["tolerations"] = tuple(parse_toleration(text) for text in flags.pop("toleration"))
    flags["image_pull_secrets"] = flags.pop("image_pull_secret")
    _check_training_options(flags["training"])
    return JobOptions(**flags)


def _check_training_options(training: tuple[str, ...]) -> None:
    """A misspelt option is better found here than in the cluster."""
    with train.make_context("train", list(training)) as context:
        if context.params["fresh"]:
            raise InputError(
                "--fresh has no place in a job: each new attempt would start over. Give the job "
                "another --name, which is a new run directory."
            )


def _cluster_options(command: Command) -> Command:
    """Where the cluster is; the command gets a function that connects to it."""
    for option in (
        click.option("-n", "--namespace", help="[the context's, else default]"),
        click.option("--context", help="Of the kubeconfig. [the current one]"),
        click.option("--kubeconfig", type=PATH, help="[as kubectl finds it]"),
    ):
        command = option(command)
    return command


def _waiting_options(command: Command) -> Command:
    """How long to wait for what; names are those of `Patience`."""
    seconds = click.FloatRange(min=0)
    for option in (
        click.option("--timeout", type=seconds, help="Seconds to wait for the end. [no limit]"),
        click.option(
            "--start-timeout",
            type=seconds,
            default=Patience.start,
            show_default=True,
            help="Seconds to wait until it runs.",
        ),
    ):
        command = option(command)
    return command


@submit.command()
@_job_options
@_cluster_options
@_waiting_options
@click.option(
    "--dry-run",
    is_flag=False,
    flag_value="client",
    type=click.Choice(["client", "server"]),
    help="Print the job as YAML; =server asks the server whether it would take it.",
)
@click.option("--wait", is_flag=True, help="Until the end; the exit code is the job's result.")
@click.option("--follow", is_flag=True, help="Wait, and show the launcher's log.")
def create(
    dry_run: str | None,
    wait: bool,
    follow: bool,
    context: str | None,
    kubeconfig: Path | None,
    start_timeout: float,
    timeout: float | None,
    namespace: str | None,
    **flags: Any,
) -> None:
    r"""Create a job. What follows after -- are options of training.

    \b
    python -m trainer submit --image IMAGE --workers 4 --data pvc:CLAIM --follow -- --epochs 50
    """
    job = render_job(_options_from_flags({**flags, "namespace": namespace}))
    check_offline(job)
    if dry_run == "client":
        click.echo(to_yaml(job), nl=False)
        return
    cluster = Cluster.connect(kubeconfig=kubeconfig, context=context, namespace=namespace)
    created = cluster.create(job, dry_run=dry_run == "server")
    if dry_run:
        click.echo(to_yaml(created), nl=False)
        return
    name = created["metadata"]["name"]
    click.echo(f"Created the job {name} in namespace {cluster.namespace}.", err=True)
    if wait or follow:
        _watch(cluster, name, Patience(start_timeout, timeout), follow=follow)
    else:
        click.echo(f"Next: python -m trainer submit logs {name} --follow", err=True)


def _watch(cluster: Cluster, name: str, patience: Patience, *, follow: bool) -> None:
    """Wait for the end and exit with the job's result."""

    def say(line: str) -> None:
        click.echo(line, err=True)

    log = LauncherLog(cluster, name, click.echo) if follow else None
    try:
        succeeded = JobWatch(cluster, name, patience, say=say, log=log).until_done()
    except GaveUp as error:
        say(f"Error: {error}")
        sys.exit(EXIT_NOT_KNOWN)
    if not succeeded:
        sys.exit(EXIT_JOB_FAILED)


@submit.command()
@click.argument("name")
@_cluster_options
def status(name: str, **where: Any) -> None:
    """Tell how a job and its pods are, and what happened lately."""
    cluster = Cluster.connect(**where)
    job = cluster.job(name)
    click.echo(f"Job {name} in namespace {cluster.namespace}: {state_of(job)}")
    for condition in (job.get("status") or {}).get("conditions") or []:
        told = f"{condition.get('reason', '')} {condition.get('message', '')}".strip()
        click.echo(f"  {condition['type']}={condition['status']} {told}")
    for pod in cluster.pods(name):
        click.echo(f"  pod {pod.metadata.name}: {pod.status.phase}")
    for line in event_lines(cluster, name):
        click.echo(f"  {line}")


@submit.command()
@click.argument("name")
@_cluster_options
@_waiting_options
@click.option("--follow", is_flag=True, help="Stay until the job ends; exit with its result.")
def logs(
    name: str, follow: bool, start_timeout: float, timeout: float | None, **where: Any
) -> None:
    """Show the launcher's log: what all training processes print."""
    cluster = Cluster.connect(**where)
    if follow:
        _watch(cluster, name, Patience(start_timeout, timeout), follow=True)
        return
    cluster.job(name)
    if not LauncherLog(cluster, name, click.echo).read(follow=False):
        raise InputError(f"{name} has no launcher yet. See: python -m trainer submit status {name}")


@submit.command()
@click.argument("name")
@_cluster_options
def delete(name: str, **where: Any) -> None:
    """Delete a job. Its run directory stays: the same job created again goes on."""
    cluster = Cluster.connect(**where)
    cluster.delete(name)
    click.echo(f"Deleted the job {name} in namespace {cluster.namespace}.")


@submit.command()
@click.argument("name")
@click.argument("workers", type=int)
@_cluster_options
def resize(name: str, workers: int, **where: Any) -> None:
    """Change the number of workers of an elastic job."""
    cluster = Cluster.connect(**where)
    check_new_size(cluster.job(name), workers)
    cluster.resize(name, workers)
    click.echo(f"The job {name} is to have {workers} workers.")
