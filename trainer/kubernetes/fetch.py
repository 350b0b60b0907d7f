"""Unpacks a Rasa project from a URL: `python -m trainer.kubernetes.fetch URL FOLDER`.

An init container of the workers runs it when data comes from a URL.
"""

from __future__ import annotations

import http.client
import shutil
import subprocess
import sys
import tempfile
import urllib.request
import zipfile
from pathlib import Path
from urllib.parse import urlsplit

from data_pipeline.errors import InputError

TIMEOUT_SECONDS = 60
"""Without a byte; a large archive may take longer."""


def fetch(url: str, folder: Path) -> None:
    """Download the archive and unpack it; a single folder at its top is left out.

    Raises:
        InputError: it cannot be downloaded or is not a tar or zip archive.
    """
    with tempfile.TemporaryDirectory() as temporary:
        archive = Path(temporary) / Path(urlsplit(url).path).name
        unpacked = Path(temporary) / "unpacked"
        try:
            with urllib.request.urlopen(url, timeout=TIMEOUT_SECONDS) as answer:
                with archive.open("wb") as file:
                    shutil.copyfileobj(answer, file)
        except (OSError, http.client.HTTPException) as error:
            raise InputError(f"{url}: cannot be downloaded ({error}).") from None
        unpacked.mkdir()
        try:
            _unpack(archive, unpacked)
        except (zipfile.BadZipFile, subprocess.CalledProcessError) as error:
            told = getattr(error, "stderr", None) or str(error)
            raise InputError(f"{url}: is not a whole archive ({told.splitlines()[0]}).") from None
        entries = list(unpacked.iterdir())
        top = entries[0] if len(entries) == 1 and entries[0].is_dir() else unpacked
        shutil.copytree(top, folder, dirs_exist_ok=True)


def _unpack(archive: Path, folder: Path) -> None:
    """Neither zipfile nor tar writes outside the folder, whatever names an archive holds."""
    if archive.suffix == ".zip":
        with zipfile.ZipFile(archive) as file:
            file.extractall(folder)
        return
    # Python's own tarfile learned to be as careful only in 3.10.12 and 3.11.4.
    command = ["tar", "--extract", "--no-same-owner", "--file", archive, "--directory", folder]
    subprocess.run([*map(str, command)], check=True, capture_output=True, text=True)


def main(arguments: list[str]) -> int:
    """The exit code."""
    url, folder = arguments
    try:
        fetch(url, Path(folder))
    except InputError as error:
        print(f"Error: {error}", file=sys.stderr)
        return 2
    print(f"{url} is unpacked in {folder}.")
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
