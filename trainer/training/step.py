"""One training step: the order of operations, once for every model, device and precision.

forward -> gradient -> sum over replicas -> regularise -> clip -> apply

Everything after the sum sees the gradient of the *global* batch, so it means the same on any number
of devices. That of wide kernels needs no sum: it is the global batch's as it comes (`OwnedRows`).

What replicas tell each other beside gradients travels with something that is sent anyway: what
losses are divided by, and what processes wish, when a step begins, and figures with the gradients.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping, Sequence
from typing import Any, TypeAlias

import keras
import tensorflow as tf

from model.loss_term import LossTerm
from model.noise import Noise
from model.replicas import Replicas
from trainer.checkpoints.row_blocks import row_blocks
from trainer.distribution.distribution import Distribution
from trainer.distribution.traffic import BYTES, SECONDS
from trainer.training.agreement import Wish
from trainer.training.precision import LossScale
from trainer.training.wide_kernels import WideKernels

Gradient: TypeAlias = tf.Tensor | tf.IndexedSlices
ReadRows = Callable[[Any, tf.Tensor], tf.Tensor]


class StepResult:
    """What a step returned; on a GPU it may not be there yet.

    Args:
        names: of the numbers.
        numbers: `[names]` float64, which holds counts of bytes and float32 sums exactly.
    """

    def __init__(self, names: Sequence[str], numbers: tf.Tensor):
        self._names = names
        self._numbers = numbers

    def read(self) -> dict[str, float]:
        """Wait for the step and copy its numbers to the host, all at once."""
        return dict(zip(self._names, self._numbers.numpy().tolist(), strict=True))


class TrainStep:
    """Trains `model` on one global batch per call.

    Args:
        model: has `loss_terms(batch, noise, replicas)` and `trainable_variables`.
        optimizer: a built `FusedAdam`, without clipping, decay or averaging of its own.
        seed: with the step number it determines every random draw.
        clip_norm: largest global norm of the gradient; None = no limit.
    """

    def __init__(
        self,
        model: Any,
        optimizer: Any,
        distribution: Distribution,
        loss_scale: LossScale,
        *,
        seed: int,
        clip_norm: float | None = None,
    ):
        self._model = model
        self._optimizer = optimizer
        self._distribution = distribution
        self._loss_scale = loss_scale
        self._seed = seed
        self._clip_norm = clip_norm
        self._function: Callable | None = None
        self._names: list[str] = []
        self._wide_kernels = WideKernels(optimizer, distribution)

    @property
    def compiled(self) -> bool:
        return self._function is not None

    def compile(self, batch_spec: Any) -> None:
        """Trace once for batches of this `element_spec`, whatever their sizes."""
        signature = [batch_spec, tf.TensorSpec([], tf.int64), tf.TensorSpec([], tf.int32)]
        self._function = tf.function(
            self._on_all_replicas, input_signature=signature, autograph=False
        )

    def __call__(self, batch: Any, step: int, wish: int = Wish.NOTHING) -> StepResult:
        """Train on `batch`; `step` is the number of finished steps.

        Args:
            wish: of this process, see `Wish`.

        Returns:
            `wish`: the largest one of all processes; if it `ends` training, nothing was written;
            `finite`: 1 if the step was applied, else 0; `gradient_norm`; and, as float32 sums over
            the global batch, `NAME/total` and `NAME/weight` of every metric and of every loss
            term, whose names begin with `loss/`; with several processes `bytes_sent` and
            `communication_seconds` of this one (see `Traffic`); what `LossScale.shown` names.
        """
        assert self._function is not None, "`compile` comes first"
        numbers = self._function(batch, tf.constant(step, tf.int64), tf.constant(wish, tf.int32))
        self._wide_kernels.have_changed()
        return StepResult(self._names, numbers)

    def facts(self, result: Mapping[str, float]) -> dict[str, float]:
        """What to show of a step beside its losses, given what it returned."""
        names = {"gradient_norm", BYTES, SECONDS, *self._loss_scale.shown} & result.keys()
        return {name: result[name] for name in sorted(names)}

    def synchronise(self) -> None:
        """Give rows of wide kernels, which belong to one replica each, to all; see `OwnedRows`."""
        self._wide_kernels.synchronise()

    def bring_up_to_date(self) -> None:
        """Do the same with rows that wait for their next gradient written as they are by now."""
        self._wide_kernels.bring_up_to_date()

    def _on_all_replicas(self, *given: Any) -> tf.Tensor:
        with self._optimizer.read_by(self._model):
            result = self._distribution.run(self._on_one_replica, given)
        self._names = list(result)
        return tf.stack([tf.cast(value, tf.float64) for value in result.values()])

    def _on_one_replica(
        self, batch: Mapping[str, tf.Tensor], step: tf.Tensor, wish: tf.Tensor
    ) -> dict:
        replicas, traffic = self._distribution.replicas, self._distribution.traffic
        if traffic is not None:
            traffic.start()
        variables = self._model.trainable_variables
        scale = self._loss_scale.value.value
        with tf.GradientTape(watch_accessed_variables=False) as tape:
            tape.watch([variable.value for variable in variables])
            noise = Noise(self._seed, step, replicas)
            terms = self._model.loss_terms(batch, noise, replicas)
            losses = {f"loss/{name}": term for name, term in terms.losses.items()}
            weights, wish = _agreed([term.weight for term in losses.values()], wish, replicas)
            scaled_loss = _normalised(losses, weights) * scale
        gradients = tape.gradient(
            scaled_loss,
            [variable.value for variable in variables],
            unconnected_gradients=tf.UnconnectedGradients.NONE,
        )
        used = [(g, v) for g, v in zip(gradients, variables, strict=True) if g is not None]
        figures = [term.total for term in losses.values()], *terms.metrics.values()
        used, norm, figures = self._of_global_batch(used, tf.nest.flatten(figures))
        gradients = [gradient for gradient, _ in used]
        if self._clip_norm is not None:
            gradients, _ = tf.clip_by_global_norm(gradients, self._clip_norm, use_norm=norm)
        finite = tf.math.is_finite(norm)
        flags = tf.stack([finite, Wish.ends(wish)])
        self._distribution.update(
            lambda g, f: self._apply(g, [v for _, v in used], f), gradients, flags
        )
        sums = _named_sums(losses, terms.metrics, weights, figures)
        if traffic is not None:
            sums |= traffic.totals()
        sums |= {name: variable.value for name, variable in self._loss_scale.shown.items()}
        return {**sums, "gradient_norm": norm, "finite": finite, "wish": wish}

    def _of_global_batch(
        self, used: list[tuple[Gradient, Any]], figures: list[tf.Tensor]
    ) -> tuple[list[tuple[Gradient, Any]], tf.Tensor, tf.Tensor]:
        """What the global batch says of these variables, L2 included.

        Args:
            used: this replica's gradients with their variables.
            figures: scalars to be summed as well.

        Returns:
            Gradients of the global batch with their variables: those of all rows, and those of the
            rows that belong to this replica; the norm of all replicas'; the summed `figures`.
        """
        # The gradient of own rows is that of the global batch already.
        own = [self._finished(g, v) for g, v in used if self._optimizer.follows(v)]
        shared = [(g, v) for g, v in used if not self._optimizer.follows(v)]
        squares = _sum_of_squares([gradient for gradient, _ in own])
        summed, (figures,) = self._distribution.sum_gradients(
            [gradient for gradient, _ in shared], [tf.stack([*figures, squares])]
        )
        shared = [self._finished(g, v) for g, (_, v) in zip(summed, shared, strict=True)]
        norm = tf.sqrt(_sum_of_squares([gradient for gradient, _ in shared]) + figures[-1])
        return [*shared, *own], norm, figures[:-1]

    def _finished(self, gradient: Gradient, variable: Any) -> tuple[Gradient, Any]:
        """The gradient of a variable without the loss scale and with L2."""
        if self._loss_scale.dynamic:
            scale = self._loss_scale.value.value
            gradient = _map_values(lambda g: g / scale, gradient)
        return _regularised(gradient, variable, self._optimizer.rows), variable

    def _apply(self, gradients: list[Gradient], variables: list, flags: tf.Tensor) -> None:
        """Update the weights unless a gradient is not finite or training ends before this step.

        Runs where variables are written.
        """
        finite, ends = tf.unstack(flags)
        strategy = tf.distribute.get_strategy()

        def update() -> None:
            scalars = self._optimizer.scalars()
            for gradient, variable in zip(gradients, variables, strict=True):
                strategy.extended.update(
                    variable.value,
                    lambda v, g: self._optimizer.update(g, v, scalars),
                    args=(gradient,),
                    group=False,
                )
            self._optimizer.iterations.assign_add(1)

        tf.cond(finite & ~ends, update, lambda: None)
        tf.cond(ends, lambda: None, lambda: self._loss_scale.after_step(finite))


def _agreed(
    weights: list[tf.Tensor], wish: tf.Tensor, replicas: Replicas
) -> tuple[tf.Tensor, tf.Tensor]:
    """The global weight of every loss, and the largest wish.

    All of it is known before the forward pass: nobody has to wait for this exchange.
    """
    of_all, wishes = replicas.all_gather([tf.stack(weights)[tf.newaxis], wish[tf.newaxis]])
    return tf.stop_gradient(tf.reduce_sum(of_all, axis=0)), tf.reduce_max(wishes)


def _normalised(losses: dict[str, LossTerm], weights: tf.Tensor) -> tf.Tensor:
    """This replica's share of the global mean loss."""
    totals = tf.stack([term.total for term in losses.values()])
    return tf.reduce_sum(tf.math.divide_no_nan(totals, weights))


def _named_sums(
    losses: Mapping[str, LossTerm],
    metrics: Mapping[str, LossTerm],
    weights: tf.Tensor,
    figures: tf.Tensor,
) -> dict[str, tf.Tensor]:
    """`NAME/total` and `NAME/weight` of every term.

    Args:
        weights: of the losses.
        figures: the totals of the losses and, behind them, totals and weights of the metrics.
    """
    totals, of_metrics = figures[: len(losses)], figures[len(losses) :]
    every = {
        **dict(zip(losses, zip(tf.unstack(totals), tf.unstack(weights), strict=True), strict=True)),
        **dict(zip(metrics, tf.unstack(tf.reshape(of_metrics, [-1, 2])), strict=True)),
    }
    return {
        f"{name}/{part}": term[number]
        for name, term in every.items()
        for number, part in enumerate(("total", "weight"))
    }


def summed(terms: dict[str, LossTerm], replicas: Replicas) -> dict[str, tf.Tensor]:
    """`NAME/total` and `NAME/weight` of every term, summed over the replicas in one exchange."""
    names = list(terms)
    flat = [value for name in names for value in terms[name]]
    if not flat:
        return {}
    summed = tf.unstack(replicas.all_reduce_sum([tf.stop_gradient(tf.stack(flat))])[0])
    keys = [f"{name}/{part}" for name in names for part in ("total", "weight")]
    return dict(zip(keys, summed, strict=True))


def _map_values(function: Callable[[tf.Tensor], tf.Tensor], gradient: Gradient) -> Gradient:
    if isinstance(gradient, tf.IndexedSlices):
        values = function(gradient.values)
        return tf.IndexedSlices(values, gradient.indices, gradient.dense_shape)
    return function(gradient)


def _sum_of_squares(gradients: Sequence[Gradient]) -> tf.Tensor:
    squares = [2 * tf.nn.l2_loss(getattr(g, "values", g)) for g in gradients]
    return tf.add_n(squares) if squares else tf.zeros([])


def _gather(variable: keras.Variable, rows: tf.Tensor) -> tf.Tensor:
    return tf.gather(variable.value, rows)


def _regularised(
    gradient: Gradient, variable: keras.Variable, read_rows: ReadRows = _gather
) -> Gradient:
    """Add the L2 gradient 2λw, where the loss' own gradient is positive.

    The sign test is Rasa's (`RasaModel.train_step`): it means "where there is one" and reads
    "where it is > 0"; its models are tuned with it. Rows a batch does not touch are left alone.

    Args:
        read_rows: What rows of a variable are by now.
    """
    if variable.regularizer is None:
        return gradient
    if isinstance(gradient, tf.IndexedSlices):
        weights = read_rows(variable, gradient.indices)
    else:
        weights = variable.value
    strength = 2.0 * float(variable.regularizer.l2)
    return _map_values(lambda g: tf.where(g > 0, g + strength * weights, g), gradient)


def regularisation_loss(model: Any) -> float:
    """λ Σ w² over all regularised kernels, in one read of the weights; no row may be behind."""
    kernels = [v for v in model.trainable_variables if v.regularizer is not None]
    return float(sum(float(v.regularizer(block)) for v in kernels for block in row_blocks(v)))


def term_means(sums: Mapping[str, float]) -> dict[str, float]:
    """The figures that are shown: `total / weight` of every term, and their sum as `loss`.

    >>> term_means({"loss/intent/total": 6.0, "loss/intent/weight": 3.0})
    {'loss/intent': 2.0, 'loss': 2.0}
    """
    names = [name.removesuffix("/weight") for name in sums if name.endswith("/weight")]
    means = {name: sums[f"{name}/total"] / max(sums[f"{name}/weight"], 1e-9) for name in names}
    means["loss"] = math.fsum(value for name, value in means.items() if name.startswith("loss/"))
    return means
