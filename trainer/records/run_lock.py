"""One training at a time in a run directory, also when it lies on storage that many hosts share.

`owner.json` in the run directory tells who trains there; its owner rewrites it every few seconds.
Whoever finds one

* by a process of the same machine looks whether that process lives: a run whose training was killed
  goes on at once;
* by another machine watches whether the file still changes. Clocks are not compared, since those of
  different machines disagree.

An owner that was taken for dead (suspended for long, cut off from the storage) finds another name
in the file and stops.
"""

from __future__ import annotations

import json
import logging
import os
import socket
import threading
import time
import uuid
from pathlib import Path
from typing import Any

from data_pipeline.errors import InputError

logger = logging.getLogger(__name__)

OWNER_FILE = "owner.json"
HEARTBEAT_SECONDS = 5.0
STALE_SECONDS = 30.0
"""Without a change an owner counts as gone; network file systems cache for less long."""
SETTLE_SECONDS = 1.0
"""Between taking over and believing it: of two that take over at once, the second one stays."""


class RunLock:
    """Holds a run directory for the time of a `with` block.

    Args:
        directory: exists and can be written to.

    Raises:
        InputError: (on entering) another process trains there.
    """

    def __init__(
        self,
        directory: Path,
        *,
        heartbeat_seconds: float = HEARTBEAT_SECONDS,
        stale_seconds: float = STALE_SECONDS,
        settle_seconds: float = SETTLE_SECONDS,
    ):
        self._directory = directory
        self._path = directory / OWNER_FILE
        self._heartbeat_seconds, self._stale_seconds = heartbeat_seconds, stale_seconds
        self._settle_seconds = settle_seconds
        self._me = {**_this_process(), "token": uuid.uuid4().hex}
        self._ended = threading.Event()
        self._heart = threading.Thread(target=self._beat, name="run-lock", daemon=True)
        self._lost_to: str | None = None

    def __enter__(self) -> RunLock:
        while not self._create():
            found = self._read()
            if found is not None and self._is_gone(found):
                self._take_over()
                break
        self._heart.start()
        return self

    def __exit__(self, *_exception: object) -> None:
        self._ended.set()
        self._heart.join()
        if self._is_mine(self._read()):
            self._path.unlink(missing_ok=True)

    def check(self) -> None:
        """Whether the directory is still ours.

        Raises:
            InputError: another process took it.
        """
        if self._lost_to is not None:
            raise InputError(
                f"{self._directory} was taken over by {self._lost_to}: this training did not write "
                f"to {self._path} for over {self._stale_seconds:.0f} s. It stops here."
            )

    def _create(self) -> bool:
        """Make the file; false if there is one. Atomic on network file systems too."""
        try:
            descriptor = os.open(self._path, os.O_CREAT | os.O_EXCL | os.O_WRONLY, 0o644)
        except FileExistsError:
            return False
        with os.fdopen(descriptor, "w", encoding="utf-8") as file:
            file.write(self._text(0))
        return True

    def _is_gone(self, found: str) -> bool:
        """Whether the owner is dead; false if it left in the meantime.

        Raises:
            InputError: it is alive.
        """
        owner = _parsed(found)
        if _same_machine(owner):
            if _lives(owner):
                self._refuse(owner)
            return True
        logger.info("%s was used by %s; waiting for a sign of life.", self._directory, _name(owner))
        deadline = time.monotonic() + self._stale_seconds
        while time.monotonic() < deadline:
            time.sleep(min(1.0, self._stale_seconds / 10))
            now = self._read()
            if now is None:
                return False
            if now != found:
                self._refuse(_parsed(now))
        return True

    def _refuse(self, owner: dict[str, Any]) -> None:
        raise InputError(
            f"{self._directory} is in use by {_name(owner)}, and two trainings would spoil each "
            "other's checkpoints. Wait for it, stop it, or choose another --run-dir."
        )

    def _take_over(self) -> None:
        self._write(0)
        time.sleep(self._settle_seconds)
        now = self._read()
        if not self._is_mine(now):
            self._refuse(_parsed(now or ""))
        logger.info("The process that used %s before is gone; going on.", self._directory)

    def _beat(self) -> None:
        number = 1
        while not self._ended.wait(self._heartbeat_seconds):
            try:
                now = self._read()
                if not self._is_mine(now):
                    self._lost_to = _name(_parsed(now or ""))
                    return
                self._write(number)
            except OSError as error:  # full or away for a moment: the next one may get through
                logger.warning("%s cannot be written (%s).", self._path, error.strerror)
            number += 1

    def _read(self) -> str | None:
        try:
            return self._path.read_text(encoding="utf-8", errors="replace")
        except FileNotFoundError:
            return None

    def _write(self, number: int) -> None:
        # Not flushed, unlike `atomic_files.write_file`: a beat must not wait for a busy disk.
        partial = self._path.with_name(f".{OWNER_FILE}.{self._me['token']}")
        partial.write_text(self._text(number), encoding="utf-8")
        os.replace(partial, self._path)

    def _text(self, number: int) -> str:
        return json.dumps({**self._me, "heartbeat": number}, indent=1)

    def _is_mine(self, text: str | None) -> bool:
        return _parsed(text or "").get("token") == self._me["token"]


def _this_process() -> dict[str, Any]:
    """What tells this process from all others, on this and on other machines and in containers."""
    return {
        "host": socket.gethostname(),
        "pid": os.getpid(),
        "started": _start_of(os.getpid()),
        **_this_machine(),
    }


def _this_machine() -> dict[str, str]:
    boot = Path("/proc/sys/kernel/random/boot_id").read_text(encoding="ascii").strip()
    return {"boot": boot, "pid_namespace": os.readlink("/proc/self/ns/pid")}


def _same_machine(owner: dict[str, Any]) -> bool:
    """Whether its process number means something here."""
    here = _this_machine()
    return owner.get("host") == socket.gethostname() and here.items() <= owner.items()


def _lives(owner: dict[str, Any]) -> bool:
    """Numbers of processes are used again; together with the start they are not."""
    return owner.get("started") is not None and _start_of(owner["pid"]) == owner["started"]


def _start_of(pid: int) -> int | None:
    """When the process began, in clock ticks since the machine did; None if there is none."""
    try:
        stat = Path(f"/proc/{pid}/stat").read_text(encoding="utf-8", errors="replace")
    except OSError:
        return None
    state, *fields = stat.rpartition(")")[2].split()
    return None if state == "Z" else int(fields[18])


def _parsed(text: str) -> dict[str, Any]:
    """What the file says; empty when it was caught half-written."""
    try:
        owner = json.loads(text)
    except ValueError:
        return {}
    return owner if isinstance(owner, dict) else {}


def _name(owner: dict[str, Any]) -> str:
    if not owner:
        return "an unnamed process"
    return f"process {owner.get('pid')} on {owner.get('host')}"
