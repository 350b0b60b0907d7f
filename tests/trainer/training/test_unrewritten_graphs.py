"""TensorFlow's rewriting of graphs is off for a training, and afterwards as it was."""

import pytest
import tensorflow as tf
from tensorflow.python.eager import context as eager_context

from trainer.training.unrewritten_graphs import unrewritten_graphs


def is_rewriting() -> bool:
    return not tf.config.optimizer.get_experimental_options()["disable_meta_optimizer"]


def test_graphs_are_rewritten_again_after_a_training():
    before = tf.config.optimizer.get_experimental_options()
    with unrewritten_graphs():
        assert not is_rewriting()
    assert is_rewriting()
    assert tf.config.optimizer.get_experimental_options() == before


def test_what_somebody_else_has_chosen_is_kept():
    tf.config.optimizer.set_experimental_options({"disable_meta_optimizer": True})
    try:
        with pytest.raises(KeyError), unrewritten_graphs():
            raise KeyError
        assert not is_rewriting()
    finally:
        tf.config.optimizer.set_experimental_options({"disable_meta_optimizer": False})


def test_what_the_rewriter_would_compute_beforehand_stays_in_the_graph_that_runs():
    with unrewritten_graphs():
        assert "Sin" in operations_that_run()
    assert "Sin" not in operations_that_run()


def operations_that_run() -> set[str]:
    """Of a new function with a constant expression."""
    function = tf.function(lambda x: x * tf.sin(tf.constant([2.0])), autograph=False)
    context = eager_context.context()
    context.enable_run_metadata()
    try:
        function(tf.constant([1.0]))
        graphs = context.export_run_metadata().function_graphs
    finally:
        context.disable_run_metadata()
    return {node.op for graph in graphs for node in graph.post_optimization_graph.node}
