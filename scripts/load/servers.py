"""The server under load: a process of its own, on exported models that get new versions."""

from __future__ import annotations

import asyncio
import os
import re
import shutil
import signal
import subprocess
import sys
from pathlib import Path

from load.exchange import Address

LISTENING = re.compile(r"Listening on http://(127\.0\.0\.1):(\d+)")
DRAIN_SECONDS = 5
STARTS_WITHIN_SECONDS = 300


class Server:
    """`python -m trainer serve MODELS`, started.

    Attributes:
        address: where it listens.
        megabytes: its resident memory, every time that it was noted.
    """

    def __init__(self, models: Path, log: Path) -> None:
        self._log = log
        options = ("--port", "0", "--watch-seconds", "0", "--drain-seconds", str(DRAIN_SECONDS))
        with log.open("wb") as file:
            self._process = subprocess.Popen(
                [sys.executable, "-m", "trainer", "serve", str(models), *options],
                stdout=file,
                stderr=subprocess.STDOUT,
            )
        self.address: Address = ("", 0)
        self.megabytes: list[float] = []

    async def started(self) -> Server:
        """The same, once it listens.

        Raises:
            RuntimeError: it does not.
        """
        for _ in range(10 * STARTS_WITHIN_SECONDS):
            if found := LISTENING.search(self._log.read_text(encoding="utf-8", errors="replace")):
                self.address = (found[1], int(found[2]))
                self.note_memory()
                return self
            if self._process.poll() is not None:
                break
            await asyncio.sleep(0.1)
        self._process.kill()
        raise RuntimeError(f"The server did not start: {self._log.read_text(encoding='utf-8')}")

    def note_memory(self) -> None:
        """Add its resident memory to `megabytes`."""
        pages = int(Path(f"/proc/{self._process.pid}/statm").read_text().split()[1])
        self.megabytes.append(pages * os.sysconf("SC_PAGE_SIZE") / 1e6)

    async def stopped(self) -> int:
        """Send SIGTERM, wait for its end; the exit code."""
        self.note_memory()
        self._process.send_signal(signal.SIGTERM)
        return await asyncio.to_thread(self._process.wait)

    def kill(self) -> None:
        """End it, if it has not ended."""
        if self._process.poll() is None:
            self._process.kill()
            self._process.wait()


def add_version(models: Path) -> None:
    """Make a new version of every exported model in the folder: the newest once more."""
    newest: dict[Path, int] = {}
    for file in (*models.glob("[0-9]*/saved_model.pb"), *models.glob("*/[0-9]*/saved_model.pb")):
        folder, version = file.parent.parent, int(file.parent.name)
        newest[folder] = max(version, newest.get(folder, 0))
    for folder, version in newest.items():
        aside = Path(shutil.copytree(folder / str(version), folder / ".next"))
        aside.rename(folder / str(version + 1))
