"""The newest version of what was trained: loaded, and replaced when there is a newer one."""

from __future__ import annotations

import gc
import logging
import threading
import time

from data_pipeline.errors import InputError
from trainer.serving.answering import Answering, Source

logger = logging.getLogger(__name__)


class NewestModel:
    """Holds the version that answers.

    A newer one is loaded and warmed up beside it and then takes its place, so that there is always
    one; what the older one has begun it ends. One that cannot be loaded changes nothing.

    Attributes:
        place: where versions appear.
        current: what answers now.
        loaded_at: when it was loaded, in seconds since 1970.
        reloads, failed_reloads: how often there was a newer one, and how often it was of no use.

    Raises:
        InputError: there is nothing that can be loaded.
    """

    def __init__(self, source: Source) -> None:
        self._source = source
        self.place = source.place
        self._loading = threading.Lock()
        self._seen = source.newest()
        self._failed = False
        self.current = self._loaded()
        self.loaded_at = time.time()
        self.reloads = self.failed_reloads = 0

    def renew(self, *, again: bool = False) -> bool:
        """Take the newest version, if it is another one; takes seconds, so never on the event loop.

        Args:
            again: also try one that could not be loaded before.

        Returns:
            Whether there was another one.

        Raises:
            InputError: there is one, but it cannot be loaded; the older one goes on answering.
        """
        with self._loading:
            there = self._source.newest()
            if there == self._seen and not (again and self._failed):
                return False
            self._seen, self._failed = there, True
            try:
                self.current = self._loaded()
            except Exception:
                self.failed_reloads += 1
                raise
            self.loaded_at = time.time()
            self.reloads += 1
            logger.info("Now answering: %s", self.current.version)
        gc.collect()  # models hold themselves in circles
        return True

    def watch_once(self) -> None:
        """`renew`, with what goes wrong in the log."""
        try:
            self.renew()
        except (InputError, OSError) as error:
            logger.warning("Not reloaded: %s", error)
        except Exception:
            logger.exception("Not reloaded")

    def _loaded(self) -> Answering:
        loaded = self._source.load()
        loaded.warm_up()
        self._failed = False
        return loaded
