"""The golden files: what the `test_golden_*` tests share to read them.

`scripts/make_golden.py` made the files with Rasa 3.6.21; `scripts/golden/recording.py` says what is
in them.
"""

import json
import math
import re
from pathlib import Path

import numpy as np
import tensorflow as tf

DIRECTORY = Path(__file__).resolve().parent.parent / "golden"
TOLERANCE = 1e-5

# From the attributes that lead to a weight in Rasa to the path of ours; all rules are applied.
# Rules of one model alone come before them.
RASA_TO_OURS = (
    # DIET
    (r"^sequence_layer\.text/feature_combining/", "text/features/"),
    (r"^sequence_layer\.text/ffnn/", "text/hidden/"),
    (r"^sequence_layer\.text/mlm_input_mask/", "text/input_mask/"),
    (r"^sequence_layer\.text/transformer/", "text/transformer/"),
    (r"^feature_combining_layer\.label/sparse_dense\.\w+/\w+/", "label_table/projection/"),
    (r"^ffnn\.label/", "label_hidden/"),
    (r"^embed\.text_lm_mask/", "token_guessing/guess/"),
    (r"^embed\.text_golden_token/", "token_guessing/truth/"),
    (r"^embed\.(text|label)/", r"embed_\1/"),
    (r"^embed\.(\w+)\.logits/", r"\1_head/scores/"),
    (r"^embed\.(\w+)\.tags/", r"\1_head/given_tags/"),
    (r"^crf\.(\w+)/", r"\1_head/crf/"),
    # RasaFeatureCombiningLayer
    (r"sparse_dense\.(sequence|sentence)/sparse_to_dense/", r"\1/"),
    (r"unify_dims_before_seq_sent_concat\.(sequence|sentence)/", r"\1_hidden/"),
    # TransformerEncoder
    (r"_enc_layers/(\d+)/_layer_norm/", r"layer_\1/attention_norm/"),
    (r"_enc_layers/(\d+)/_mha/_(query|key|value|output)_dense_layer/", r"layer_\1/attention/\2/"),
    (r"_enc_layers/(\d+)/_mha/(key|value)_relative_embeddings", r"layer_\1/attention/relative_\2s"),
    (r"_enc_layers/(\d+)/_ffn_layers/0/", r"layer_\1/network_norm/"),
    (r"_enc_layers/(\d+)/_ffn_layers/1/", r"layer_\1/widen/"),
    (r"_enc_layers/(\d+)/_ffn_layers/3/", r"layer_\1/narrow/"),
    (r"_embedding/", "project/"),
    (r"_layer_norm/", "norm/"),
    # Ffnn, in which each layer is followed by one for dropout; Embed; InputMask
    (r"_ffn_layers/0/", "hidden_0/"),
    (r"_ffn_layers/2/", "hidden_1/"),
    (r"_dense/", ""),
    (r"mask_vector$", "vector"),
    (r"kernel_mask$", "connections"),
)


def our_path(rasa_path, rules=()):
    for pattern, replacement in (*rules, *RASA_TO_OURS):
        rasa_path = re.sub(pattern, replacement, rasa_path)
    return rasa_path


class Golden:
    """One golden file.

    `recipe` says how it was made; `golden["output"]` are all arrays below `output/`. `rules` for
    paths come before `RASA_TO_OURS`.
    """

    def __init__(self, name, rules=()):
        self.rules = rules
        with np.load(DIRECTORY / f"{name}.npz") as file:
            self.arrays = dict(file)
        self.recipe = json.loads(str(self.arrays.pop("recipe")))
        if places := self.recipe.get("packed"):
            self.arrays = {
                name: self.arrays[kind][start : start + math.prod(shape)].reshape(shape)
                for name, (kind, start, shape) in places.items()
            }
        self.options = self.recipe["options"]

    def __getitem__(self, group):
        start = f"{group}/"
        found = {k[len(start) :]: v for k, v in self.arrays.items() if k.startswith(start)}
        assert found, f"the golden has no {group}"
        return found

    @property
    def upstream(self):
        return self.arrays["upstream"]

    def give_weights(self, layer):
        """Give our layer Rasa's weights; neither may have one that the other has not."""
        ours = variables(layer)
        theirs = {our_path(path, self.rules): value for path, value in self["weight"].items()}
        assert theirs.keys() == ours.keys()
        for path, variable in ours.items():
            assert variable.shape == theirs[path].shape, path
            variable.assign(theirs[path])

    def rasa_gradients(self, layer, group="gradient"):
        """Rasa's gradients of weights by our paths, 0 where no connection is.

        Rasa has gradients there, which its next forward pass undoes.
        """
        theirs = {
            our_path(path, self.rules): value
            for path, value in self[group].items()
            if not path.startswith("input/")
        }
        return {path: value * connections(layer, path) for path, value in theirs.items()}

    def assert_gradients(self, layer, gradients, **tolerance):
        """Compare gradients by our paths with Rasa's; those of inputs are named `input/NAME`."""
        theirs = self.rasa_gradients(layer)
        theirs |= {k: v for k, v in self["gradient"].items() if k.startswith("input/")}
        assert gradients.keys() == theirs.keys()
        for path, value in theirs.items():
            assert_close(gradients[path], value, f"gradient of {path}", **tolerance)


def variables(layer):
    """Our variables by their path below `layer`."""
    return {variable.path.split("/", 1)[1]: variable for variable in layer.variables}


def connections(layer, path):
    """1 where a kernel has its connections; 1 for whatever has no mask."""
    mask = variables(layer).get(path.removesuffix("kernel") + "connections")
    return 1 if mask is None or not path.endswith("kernel") else mask.numpy()


def run_and_differentiate(layer, call, upstream, inputs=None):
    """The output of `call()`, and gradients of `sum(output * upstream)` by path."""
    inputs = inputs or {}
    trainable = [variable.value for variable in layer.trainable_variables]
    with tf.GradientTape() as tape:
        tape.watch(list(inputs.values()))
        output = call()
        total = tf.reduce_sum(output * upstream)
    of_weights, of_inputs = tape.gradient(total, [trainable, list(inputs.values())])
    paths = [variable.path.split("/", 1)[1] for variable in layer.trainable_variables]
    gradients = dict(zip(paths, map(tf.convert_to_tensor, of_weights), strict=True))
    names = [f"input/{name}" for name in inputs]
    return output, gradients | dict(zip(names, of_inputs, strict=True))


def l2_of(layer):
    """The sum of the layer's L2 terms."""
    regularised = [v for v in layer.trainable_variables if v.regularizer is not None]
    return sum(float(v.regularizer(v.value)) for v in regularised)


def relative_difference(ours, rasas, what=""):
    """The greatest difference, in units of the greatest number that Rasa has there."""
    ours, rasas = np.asarray(ours), np.asarray(rasas)
    assert ours.shape == rasas.shape, what
    if not rasas.size:
        return 0.0
    scale = np.abs(rasas).max() or 1.0
    return np.abs(ours.astype(np.float64) - rasas).max() / scale


def assert_close(ours, rasas, what="", tolerance=TOLERANCE):
    difference = relative_difference(ours, rasas, what)
    assert difference <= tolerance, f"{what}: differs by {difference:.2g}"


class RecordedNoise:
    """Stands in for `model.noise.Noise` and gives out what Rasa drew.

    Args:
        draws: By the end of the place that asks for them.
    """

    def __init__(self, draws):
        self.draws = draws
        self.asked = set()

    def within(self, place):
        return self

    def uniform(self, place, shape, *, shared=False):
        return self._draw(place, shape)

    def indices(self, place, shape, limit, *, shared=True):
        return self._draw(place, shape)

    def keep(self, place, shape, rate):
        raise AssertionError(f"{place} drops something")

    def dropout(self, place, inputs, rate):
        assert rate == 0, f"{place} drops something"
        return inputs

    def _draw(self, place, shape):
        (name,) = [name for name in self.draws if place.endswith(name)]
        self.asked.add(name)
        drawn = self.draws[name]
        tf.debugging.assert_equal(shape, drawn.shape, message=place)
        return tf.constant(drawn)


def mask_draws(draws, time):
    """What Rasa's `InputMask` drew, in the form that ours asks for it.

    Rasa shuffles whole tensors and then picks cells of them; we draw orders and fetch the picks.

    Args:
        draws: `chosen`, `action`, `padding`, `texts`, `positions` of `scripts/golden/replay.py`.
        time: Positions without the sentence's.
    """
    chosen, action = draws["chosen"][:, :time, 0], draws["action"][:, :time, 0]

    def ranks(order):
        """Numbers in [0, 1) whose order is `order`."""
        found = np.empty(len(order), np.float32)
        found[order] = np.arange(len(order)) / len(order)
        return found

    return {
        "chosen": chosen,
        "action": action,
        "texts": ranks(draws["texts"]),
        "positions": ranks(draws["positions"]),
    }


def padding_draws(draws, token_mask):
    """Rasa's noise for positions without a token, at the cells that ours picks."""
    time = token_mask.shape[1]
    chosen, action = draws["chosen"][:, :time, 0], draws["action"][:, :time, 0]
    texts, positions = np.nonzero(
        (chosen * token_mask >= np.float32(0.85)) & (action >= 0.7) & (action < 0.8)
    )
    return draws["padding"][draws["texts"][texts], draws["positions"][positions]]
