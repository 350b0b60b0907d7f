"""What decides, beside the training files, what a prepared data set holds."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from data_pipeline.errors import InputError
from data_pipeline.file_hashes import sha256_of
from data_pipeline.json_differences import json_differences
from data_pipeline.messages.earlier_pipeline import EarlierPipeline
from data_pipeline.messages.labelling import ByIntent, Labelling
from data_pipeline.messages.pipeline_components import build_featurizers, described_tokenizer
from data_pipeline.messages.prepared import FORMAT_VERSION, PreparedDataset
from data_pipeline.messages.scan import Scanner
from data_pipeline.prepared_folder import check_sources
from data_pipeline.rasa_files.nlu_files import find_nlu_files, named_lookup_files


@dataclass(frozen=True)
class FeatureSettings:
    """What decides, beside the training files, what a prepared data set holds.

    Attributes:
        pipeline: the `pipeline:` list of the Rasa configuration.
        featurizers: aliases of the featurizers to use; empty = all.
        bilou: BILOU tags rather than plain ones.
        entities: whether tags are wanted at all.
        earlier: what an earlier run learnt from its data, to be extended; None = from scratch.
        labelling: what the labels of messages are.
        entity_patterns: whether a RegexEntityExtractor needs the patterns of entities.
    """

    pipeline: Sequence[dict[str, Any]]
    featurizers: tuple[str, ...] = ()
    bilou: bool = True
    entities: bool = True
    earlier: EarlierPipeline | None = None
    labelling: Labelling = ByIntent()
    entity_patterns: bool = False

    def scanner(self) -> Scanner:
        """What looks through messages, and is then fitted to what it saw.

        Raises:
            InputError: the pipeline has no (such) featurizers, or wrong options.
        """
        scanner = self._unfitted()
        if self.earlier is not None:
            pairs = zip(scanner.featurizers, self.earlier.pipeline.featurizers, strict=True)
            for featurizer, known in pairs:
                featurizer.continue_from(known)
        return scanner

    def _unfitted(self) -> Scanner:
        """The tokenizer, featurizers and tags, without what an earlier run learnt.

        Raises:
            InputError: the pipeline has no (such) featurizers, or wrong options.
        """
        components = build_featurizers(self.pipeline)
        chosen = components.featurizers
        if self.featurizers:
            known = [featurizer.alias for featurizer in chosen]
            for alias in self.featurizers:
                if alias not in known:
                    raise InputError(
                        f"featurizers: there is no featurizer with the alias {alias!r}; "
                        f"the pipeline has {', '.join(known) or 'none'}"
                    )
            chosen = tuple(f for f in chosen if f.alias in self.featurizers)
        if not chosen or components.tokenizer is None:
            raise InputError(
                "pipeline: no featurizer that is available here; add for example "
                "'- name: CountVectorsFeaturizer' before DIETClassifier"
            )
        return Scanner(components.tokenizer, chosen, self.bilou, self.entities, self.labelling)

    def fingerprint(self, files: Sequence[Path]) -> str:
        """Equal exactly for equal settings, equal training files and equal format version.

        Training files are also those that these name, such as lookup tables, and those that
        featurizers read, such as word vectors.

        Raises:
            InputError: as `scanner`, or a file of a featurizer does not exist.
        """
        scanner = self._unfitted()
        lookups = [named for path in files for named in named_lookup_files(path)]
        of_featurizers = [path for each in scanner.featurizers for path in each.source_files()]
        files = [*files, *lookups, *of_featurizers, *scanner.tokenizer.source_files()]
        facts = {
            **self.to_json(),
            "format": FORMAT_VERSION,
            "files": [sha256_of(path) for path in files],
        }
        return hashlib.sha256(json.dumps(facts, sort_keys=True).encode()).hexdigest()

    def to_json(self) -> dict[str, Any]:
        """Plain maps and lists with every option, given or not; what the header records."""
        scanner = self._unfitted()
        settings = {
            "tokenizer": described_tokenizer(scanner.tokenizer),
            "featurizers": [{"name": f.name, **f.options()} for f in scanner.featurizers],
            "bilou": self.bilou,
            "entities": self.entities,
            **self.labelling.to_json(),
        }
        if self.entity_patterns:
            settings["entity_patterns"] = True
        if self.earlier is not None:
            settings["init_from"] = self.earlier.digest
        return json.loads(json.dumps(settings))


def check_same_settings(dataset: PreparedDataset, settings: FeatureSettings) -> None:
    """Refuse a prepared data set that was made for another pipeline.

    Raises:
        InputError: naming what differs.
    """
    changed = json_differences(dataset.header["settings"], settings.to_json())
    if changed:
        raise InputError(
            f"{dataset.directory} was prepared with other settings ({'; '.join(changed)}). "
            "Prepare it again, or use the configuration it was prepared with."
        )


def check_same_files(
    dataset: PreparedDataset, settings: FeatureSettings, nlu_paths: Sequence[Path]
) -> None:
    """Refuse a prepared data set that was made from other training files than those at hand.

    Raises:
        InputError: they are there, and others (`prepared_folder.check_sources`).
    """
    check_sources(
        dataset.directory,
        dataset.fingerprint,
        lambda: settings.fingerprint(find_nlu_files(nlu_paths)),
        sources="this project's training files",
        problem=f"other training files than {', '.join(map(str, nlu_paths))}, or these have "
        "changed since. Prepare it again, or give the files it was prepared from.",
    )
