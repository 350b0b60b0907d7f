"""What Rasa's TED was given in a golden, in the form of `model.ted.batch`."""

import numpy as np

from model.layers.feature_widths import FeatureWidths
from model.ted.batch import TEXT_ATTRIBUTES

# From Rasa's layers of TED to ours; what lies below them is DIET's (`goldens.RASA_TO_OURS`).
TED_PATHS = (
    (r"^(\w+)\.(label_\w+)/", r"action_table/\1.\2/"),
    (r"\bsequence_layer\.(\w+)/feature_combining/", r"\1/text/features/"),
    (r"\bsequence_layer\.(\w+)/ffnn/", r"\1/text/hidden/"),
    (r"\bsequence_layer\.(\w+)/transformer/", r"\1/text/transformer/"),
    (r"\bsparse_dense_concat_layer\.(\w+)/sparse_to_dense/", r"\1/projection/"),
    (r"\bencoding_layer\.(\w+)/", r"\1/encoding/"),
    (r"^transformer\.dialogue/", "dialogue/transformer/"),
    (r"^embed\.dialogue/", "embed_dialogue/"),
    (r"^embed\.label/", "action_table/embed/"),
)


class GivenTurns:
    """The inputs of a golden: `scripts/golden/ted.py` made them.

    Args:
        given: By Rasa's names.
    """

    def __init__(self, given):
        self.given = given

    def __contains__(self, name):
        return f"{name}/mask" in self.given

    def widths(self, name):
        def columns(part, kind):
            key = f"{name}/{part}/{kind}"
            if key not in self.given:
                return 0
            return int(self.given[key][-1] if kind == "shape" else self.given[key].shape[-1])

        return FeatureWidths(
            sequence=columns("sequence", "shape"),
            sentence=columns("sentence", "shape"),
            sequence_dense=columns("sequence", "dense"),
            sentence_dense=columns("sentence", "dense"),
        )

    def attribute(self, name, rasas, real):
        """The tensors of one attribute, which Rasa calls `rasas`, of the turns that are `real`."""
        found = {f"{name}_turns": np.flatnonzero(self.given[f"{rasas}/mask"][..., 0][real])}
        rows = len(found[f"{name}_turns"])
        if name not in TEXT_ATTRIBUTES:
            found |= self._sparse(name, f"{rasas}/sentence", 1)
            return found
        lengths = self.given[f"{rasas}/sequence_lengths"].ravel()
        lengths = lengths[lengths > 0].astype(int)
        time = lengths.max()
        assert len(lengths) == rows
        mask = np.arange(time) < lengths[:, None]
        found[f"{name}_mask"] = mask.astype(np.float32)
        found |= self._sparse(f"{name}_sequence", f"{rasas}/sequence", time)
        found |= self._sparse(f"{name}_sentence", f"{rasas}/sentence", 1)
        found[f"{name}_sequence_dense"] = self.given[f"{rasas}/sequence/dense"]
        found[f"{name}_sentence_dense"] = self.given[f"{rasas}/sentence/dense"][:, 0]
        return found

    def _sparse(self, name, rasas, positions):
        row, position, column = self.given[f"{rasas}/indices"].T
        cells = np.stack([row * positions + position, column], 1)
        order = np.argsort(cells[:, 0], kind="stable")
        return {
            f"{name}_indices": cells[order],
            f"{name}_values": self.given[f"{rasas}/values"][order],
        }
