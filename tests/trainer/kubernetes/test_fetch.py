"""A project from a URL."""

from __future__ import annotations

import functools
import http.server
import shutil
import threading

import pytest

from trainer.kubernetes.fetch import main


class QuietHandler(http.server.SimpleHTTPRequestHandler):
    def log_message(self, *_arguments) -> None:
        """Tests are quiet."""


@pytest.fixture
def served(tmp_path):
    """A folder, and the URL under which its files are served."""
    folder = tmp_path / "served"
    folder.mkdir()
    handler = functools.partial(QuietHandler, directory=folder)
    server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), handler)
    thread = threading.Thread(target=server.serve_forever, args=(0.01,))
    thread.start()
    yield folder, f"http://127.0.0.1:{server.server_port}"
    server.shutdown()
    server.server_close()
    thread.join()


def archive(folder, tmp_path, kind, *, top):
    project = tmp_path / "project"
    (project / "data").mkdir(parents=True)
    (project / "config.yml").write_text("pipeline: []\n")
    root, base = (tmp_path, "project") if top else (project, ".")
    return shutil.make_archive(str(folder / "it"), kind, root, base)


@pytest.mark.parametrize(("kind", "ending"), [("gztar", "tar.gz"), ("zip", "zip")])
@pytest.mark.parametrize("top", [True, False])
def test_an_archive_is_unpacked_without_its_top_folder(kind, ending, top, served, tmp_path):
    folder, url = served
    archive(folder, tmp_path, kind, top=top)
    target = tmp_path / "data"
    target.mkdir()  # as a mounted volume is
    assert main([f"{url}/it.{ending}?signature=1", str(target)]) == 0
    assert (target / "config.yml").read_text() == "pipeline: []\n"
    assert (target / "data").is_dir()


@pytest.mark.parametrize("name", ["page.tar.gz", "page.zip"])
def test_what_is_no_archive_is_one_clear_line(name, served, tmp_path, capsys):
    folder, url = served
    (folder / name).write_text("<html>please log in</html>")
    assert main([f"{url}/{name}", str(tmp_path / "data")]) == 2
    told = capsys.readouterr().err
    assert f"Error: {url}/{name}: is not a whole archive" in told and told.count("\n") == 1


def test_what_is_not_there_is_one_clear_line(served, tmp_path, capsys):
    _, url = served
    assert main([f"{url}/it.zip", str(tmp_path / "data")]) == 2
    assert "cannot be downloaded (HTTP Error 404: File not found)" in capsys.readouterr().err
