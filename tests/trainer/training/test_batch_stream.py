"""Batches come from one iterator, epoch after epoch, and leave nothing behind."""

from __future__ import annotations

import gc

import numpy as np
import pytest
import tensorflow as tf
from one_weight import OneWeight, make_store

from data_pipeline.batches.plans import Plan, Schedule
from trainer.distribution.distribution import SingleDevice
from trainer.training.batch_stream import BatchStream
from trainer.training.loop import TrainingLoop
from trainer.training.validation import Validation

SCHEDULE = Schedule(3, [2, 4], "sequence", seed=1)


@pytest.fixture
def store():
    return make_store(examples=8)


def stream(store, *, epochs=range(3), first_step=0):
    return BatchStream(
        SingleDevice(),
        store,
        lambda epoch: SCHEDULE.plan(store.labels, epoch),
        OneWeight.training_signature(None),
        epochs=epochs,
        first_step=first_step,
    )


def labels(batches):
    return [batch["label_ids"].numpy().tolist() for batch in batches]


def expected(store, epoch):
    return store.labels[SCHEDULE.plan(store.labels, epoch).indices].tolist()


def test_epochs_follow_each_other_each_by_its_own_plan(store):
    batches = stream(store)
    sizes = [np.shape(expected(store, epoch)) for epoch in range(3)]
    assert sizes == [(4, 2), (3, 3), (2, 4)], "the batch size grows"
    for epoch, (steps, _) in enumerate(sizes):
        taken = labels(batches.take(steps))
        whole = 8 // len(taken[0])  # the last batch of epoch 2 has padding
        assert taken[:whole] == expected(store, epoch)[:whole]
    with pytest.raises(tf.errors.FailedPreconditionError):
        next(batches.take(1))


def test_the_first_epoch_goes_on_where_it_was(store):
    batches = stream(store, epochs=range(0, 3), first_step=3)
    assert labels(batches.take(1)) == expected(store, 0)[3:]
    assert labels(batches.take(2)) == expected(store, 1)[:2]


def test_training_and_evaluating_keep_nothing_per_epoch(store):
    trainer = TrainingLoop(lambda: OneWeight(name="one_weight"), distribution="single")
    validation = Validation(make_store(examples=3), every_epochs=1, batch_size=2)
    before = plans()
    trainer.fit(store, schedule=Schedule(12, 4, "sequence"), validation=validation)
    assert plans() - before <= 3, "of the last two epochs, and of the evaluation"


def plans() -> int:
    gc.collect()
    return sum(isinstance(found, Plan) for found in gc.get_objects())


def test_an_evaluation_that_was_broken_off_does_not_spoil_the_next(store, monkeypatch):
    trainer = TrainingLoop(lambda: OneWeight(name="one_weight"), distribution="single")
    first = trainer.evaluate(store, batch_size=3)
    step = trainer._evaluation._function

    def fails(batch):
        step(batch)
        raise KeyError

    monkeypatch.setattr(trainer._evaluation, "_function", fails)
    with pytest.raises(KeyError):
        trainer.evaluate(store, batch_size=3)
    monkeypatch.undo()
    assert trainer.evaluate(store, batch_size=3) == first
    assert trainer.evaluate(store, batch_size=8)["mean_label"] == pytest.approx(first["mean_label"])
