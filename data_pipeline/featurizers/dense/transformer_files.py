"""Where the files of a transformer are: in a folder, or in the cache of a model hub."""

from __future__ import annotations

import logging
import os
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from data_pipeline.errors import InputError, MissingResource
from data_pipeline.featurizers.dense.tensorflow_weights import FILE as TENSORFLOW_FILE
from data_pipeline.featurizers.dense.tensorflow_weights import model_of_tensorflow

logger = logging.getLogger(__name__)

CONFIG_FILE = "config.json"
WEIGHTS = (".safetensors", ".bin")
# Weights for other frameworks may lie beside those that are read.
NOT_READ = ("flax_model.msgpack", "rust_model.ot", ".onnx")


@dataclass(frozen=True)
class TransformerFiles:
    """The files of a transformer.

    Attributes:
        weights: a folder, or a name on the hub.
        cache_dir: where models from the hub are kept; None = where `transformers` keeps them.
    """

    weights: str
    cache_dir: str | None = None

    def model(self, model_class: Any) -> Any:
        """The model with its weights, those for TensorFlow where there are no others.

        Raises:
            InputError: they cannot be read, or are nowhere (`MissingResource` where the hub cannot
                be reached).
        """
        for_tensorflow = self._only_for_tensorflow()
        if for_tensorflow is not None:
            return model_of_tensorflow(model_class, for_tensorflow)
        try:
            return self.loaded(model_class.from_pretrained)
        except MissingResource:
            raise
        except InputError:
            if Path(self.weights).is_dir():
                raise
            from huggingface_hub import hf_hub_download

            try:
                with _quietly():
                    path = hf_hub_download(self.weights, TENSORFLOW_FILE, cache_dir=self.cache_dir)
            except Exception:  # the first error says what is wrong
                pass
            else:
                return model_of_tensorflow(model_class, Path(path))
            raise

    def _only_for_tensorflow(self) -> Path | None:
        """TensorFlow's weights, if there are no others."""
        files = {path.name: path for path in self.files()}
        others = any(name.endswith(WEIGHTS) for name in files)
        return None if others else files.get(TENSORFLOW_FILE)

    def loaded(self, load: Callable[..., Any]) -> Any:
        """What a `from_pretrained` of `transformers` makes of them.

        The network is asked only for what is not on this machine.

        Raises:
            InputError: as `model`.
        """
        if Path(self.weights).is_dir():
            return self._load(load, local_files_only=True)
        try:
            with _quietly():
                return load(self.weights, cache_dir=self.cache_dir, local_files_only=True)
        except (OSError, ValueError):
            logger.info("%s is not on this machine; asking the network for it.", self.weights)
            return self._load(load, local_files_only=False)

    def _load(self, load: Callable[..., Any], *, local_files_only: bool) -> Any:
        try:
            with _quietly():
                return load(
                    self.weights, cache_dir=self.cache_dir, local_files_only=local_files_only
                )
        except Exception as error:  # whatever the package meets in foreign files
            if _is_out_of_reach(error):
                raise MissingResource(
                    f"LanguageModelFeaturizer: cannot load the model {self.weights!r}: it is not "
                    "on this machine, and the hub cannot be reached. Give as 'model_weights' a "
                    "folder with its files, or as 'cache_dir' where it is kept."
                ) from error
            reason = (str(error).strip().splitlines() or [type(error).__name__])[0]
            raise InputError(
                f"LanguageModelFeaturizer: cannot load the model {self.weights!r}: {reason} "
                "Give as 'model_weights' a folder with its files, or the name of a model that is "
                "in 'cache_dir' or can be fetched."
            ) from error

    def folder(self) -> Path | None:
        """The folder of the files, or None if none of them is on this machine."""
        if Path(self.weights).is_dir():
            return Path(self.weights)
        from huggingface_hub import try_to_load_from_cache
        from huggingface_hub.errors import HFValidationError

        try:
            found = try_to_load_from_cache(self.weights, CONFIG_FILE, cache_dir=self.cache_dir)
        except HFValidationError:
            return None  # no name of a model; loading it will say so
        return Path(found).parent if isinstance(found, str) else None

    def files(self) -> list[Path]:
        """The files that are read, sorted."""
        folder = self.folder()
        if folder is None:
            return []
        return sorted(
            path for path in folder.iterdir() if path.is_file() and not path.name.endswith(NOT_READ)
        )


def _is_out_of_reach(error: BaseException) -> bool:
    """Whether the hub did not answer, rather than that it has no such model."""
    from huggingface_hub.errors import LocalEntryNotFoundError

    cause: BaseException | None = error
    while cause is not None and not isinstance(cause, LocalEntryNotFoundError):
        cause = cause.__cause__ or cause.__context__
    return cause is not None


@contextmanager
def _quietly() -> Iterator[None]:
    """Without progress bars, remarks on weights of a head that nobody asks, and every retry."""
    from transformers.utils import logging as transformers_logging

    loggers = [logging.getLogger(name) for name in ("transformers", "huggingface_hub")]
    before = [each.level for each in loggers]
    for each in loggers:
        each.setLevel(logging.ERROR)
    transformers_logging.disable_progress_bar()
    os.environ.setdefault("TOKENIZERS_PARALLELISM", "false")  # or it warns where processes fork
    try:
        yield
    finally:
        transformers_logging.enable_progress_bar()
        for each, level in zip(loggers, before, strict=True):
            each.setLevel(level)
