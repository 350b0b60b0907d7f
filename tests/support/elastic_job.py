"""An elastic job whose hosts a test changes and whose processes it kills."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path

from processes import environment, horovodrun, kill_all

START = ("--network-interfaces", "lo", "--min-np", "1", "--max-np", "4")
REPLACING = ("--blacklist-cooldown-range", "1", "2")
SCRIPT = '#!/bin/sh\ntee -a "$0.asked" < "$0.hosts"\necho >> "$0.asked"\n'


class ElasticJob:
    """`command` under an elastic launcher, with one process on each of `hosts`.

    Hosts are names of this machine. A launcher no longer uses one on which a process died, unless
    `replaced`: then it starts another one there after a few seconds.
    """

    def __init__(
        self, directory: Path, command: Sequence[str], *hosts: str, replaced: bool = False
    ):
        directory.mkdir(parents=True)
        self._script = directory / "discover_hosts"
        self._asked = Path(f"{self._script}.asked")
        os.mkfifo(self._asked)
        # Read and write, so that the script need not wait for us to open it.
        self._answers = os.fdopen(os.open(self._asked, os.O_RDWR), encoding="utf-8")
        self._name_hosts(hosts)
        self._script.write_text(SCRIPT, encoding="utf-8")
        self._script.chmod(0o755)
        start = [*horovodrun(), *START, *(REPLACING if replaced else ()), "-np", str(len(hosts))]
        self._marker = str(directory)
        self._process = subprocess.Popen(
            [*start, "--host-discovery-script", str(self._script), *command],
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            start_new_session=True,
            env={**environment(), "ELASTIC_JOB": self._marker},
        )
        self._seen: list[str] = []

    def __enter__(self) -> ElasticJob:
        return self

    def __exit__(self, *_exception) -> None:
        if self._process.poll() is None:
            kill_all(self._process)
        self._answers.close()

    def wait_for(self, part: str) -> str:
        """Read what is printed until a line has `part`; returns that line."""
        for line in self._process.stdout:
            self._seen.append(line)
            if part in line:
                return line
        raise AssertionError(f"{part!r} was never printed:\n{''.join(self._seen)[-4000:]}")

    def signal(self, host: str, number: int) -> None:
        """Send a signal to the training process on `host`."""
        os.kill(self._training_process(host)[0], number)

    def rank(self, host: str) -> int:
        """The rank at its start of the training process on `host`."""
        return int(self._training_process(host)[1]["HOROVOD_RANK"])

    def change_hosts(self, *hosts: str, chief: str) -> None:
        """Name other hosts; the process on `chief` waits until the launcher knows them."""
        self.signal(chief, signal.SIGSTOP)
        self._name_hosts(hosts)
        while self._answer() != [f"{host}:1" for host in hosts]:
            pass  # one about the hosts before
        self.signal(chief, signal.SIGCONT)

    def finish(self) -> tuple[int, str]:
        """Wait for the end; returns the launcher's exit code and all that was printed."""
        self._seen += self._process.stdout
        return self._process.wait(timeout=600), "".join(self._seen)

    def _answer(self) -> list[str]:
        """What the launcher was told; waits for the next time it asks."""
        return list(iter(lambda: self._answers.readline().strip(), ""))

    def _name_hosts(self, hosts: Sequence[str]) -> None:
        named = Path(f"{self._script}.hosts")
        partial = named.with_suffix(".partial")
        partial.write_text("".join(f"{host}:1\n" for host in hosts), encoding="utf-8")
        os.replace(partial, named)

    def _training_process(self, host: str) -> tuple[int, dict[str, str]]:
        """Its number and the environment that it was started with."""
        wanted = {f"HOROVOD_HOSTNAME={host}", f"ELASTIC_JOB={self._marker}"}
        for folder in Path("/proc").glob("[0-9]*"):
            try:
                variables = (folder / "environ").read_text().split("\0")
                is_python = os.readlink(folder / "exe") == os.path.realpath(sys.executable)
            except OSError:  # gone, or not ours
                continue
            if is_python and wanted <= set(variables):
                return int(folder.name), dict(v.split("=", 1) for v in variables if "=" in v)
        raise AssertionError(f"No process trains on {host}:\n{''.join(self._seen)[-4000:]}")
