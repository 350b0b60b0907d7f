#!/usr/bin/env python
"""Writes docs/options.md: every option, its default, its meaning, and the tests that show it.

    python scripts/make_options_doc.py

Names, defaults and meanings come from the code; what is here is what the code cannot say. A test
(`tests/test_options_doc.py`) fails when an option is missing, a test is gone, or the file is stale.
"""

from __future__ import annotations

import dataclasses
import inspect
import re
from pathlib import Path
from typing import Any

import yaml

from model.option_names import RETIRED
from model.options import DIETOptions
from trainer.options import TrainerOptions

DOCUMENT = Path(__file__).resolve().parent.parent / "docs" / "options.md"

OPTIONS = "tests/model/test_options.py::"
EFFECTS = (
    "tests/model/test_option_effects.py::test_a_changed_option_changes_the_model_or_its_losses"
)
DIET = "tests/model/test_diet.py::"
GOLDEN_DIET = "tests/model/test_golden_diet.py::test_every_loss_and_their_sum"
GOLDEN_LOSS = "tests/model/test_golden_similarity.py::test_loss_accuracy_and_gradients"
SLOW_LOSS = "tests/model/test_similarity.py::test_loss_is_that_of_the_slow_version"
ATTENTION = "tests/model/test_transformer.py::test_attention_is_that_of_a_loop"
TRANSFORMER = "tests/model/test_golden_text.py::test_transformer"
COMBINING = "tests/model/test_golden_text.py::test_feature_combining"
UNUSUAL = "tests/trainer/test_unusual_data.py::"
SAMPLING = "tests/trainer/test_sampling.py::"
ANSWERING = "tests/trainer/test_answering.py::"
HELD_OUT = "tests/trainer/test_validation.py::"
DUE = (
    "tests/trainer/test_checkpoint_policy.py"
    "::test_steps_and_minutes_are_counted_from_the_last_checkpoint"
)
DROPOUT = "tests/model/test_features.py::test_sparse_dropout_does_not_scale_and_dense_dropout_does"
WRONG = OPTIONS + "test_wrong_values_are_named"
WITHOUT_TASK = UNUSUAL + "test_without_one_of_the_tasks_the_answer_has_none_of_it"

DIET_TESTS: dict[str, tuple[str, ...]] = {
    "hidden_layers_sizes": (EFFECTS, GOLDEN_DIET, OPTIONS + "test_maps_are_merged_one_level_deep"),
    "share_hidden_layers": (EFFECTS, DIET + "test_shared_layers_need_equal_widths"),
    "transformer_size": (EFFECTS, OPTIONS + "test_transformer_size_per_attribute"),
    "number_of_transformer_layers": (EFFECTS, DIET + "test_every_kind_trains_and_answers"),
    "number_of_attention_heads": (EFFECTS, ATTENTION, WRONG),
    "use_key_relative_attention": (EFFECTS, ATTENTION, TRANSFORMER),
    "use_value_relative_attention": (EFFECTS, ATTENTION, TRANSFORMER),
    "max_relative_position": (EFFECTS, TRANSFORMER),
    "unidirectional_encoder": (EFFECTS, ATTENTION, TRANSFORMER),
    "embedding_dimension": (EFFECTS, "tests/model/test_golden_dense.py::test_embed"),
    "dense_dimension": (EFFECTS, COMBINING, GOLDEN_DIET),
    "concat_dimension": (EFFECTS, COMBINING),
    "connection_density": (
        EFFECTS,
        "tests/model/test_golden_dense.py::test_randomly_connected_dense_with_rasas_mask",
        "tests/model/test_dense.py::test_minimal_connections_tile_the_identity",
    ),
    "intent_classification": (EFFECTS, WITHOUT_TASK),
    "entity_recognition": (EFFECTS, WITHOUT_TASK),
    "use_masked_language_model": (
        EFFECTS,
        GOLDEN_DIET,
        "tests/model/test_masking.py::test_proportions",
    ),
    "BILOU_flag": (
        "tests/data_pipeline/test_tags.py::test_bilou_ids_count_four_per_sorted_name",
        "tests/data_pipeline/test_tags.py::test_plain_ids_count_sorted_names_from_one",
        "tests/model/test_golden_diet.py::test_answers",
    ),
    "number_of_negative_examples": (EFFECTS, SLOW_LOSS),
    "similarity_type": (EFFECTS, SLOW_LOSS, GOLDEN_LOSS, WRONG),
    "loss_type": (EFFECTS, SLOW_LOSS, GOLDEN_LOSS, OPTIONS + "test_margin_means_cosine"),
    "constrain_similarities": (EFFECTS, SLOW_LOSS, GOLDEN_LOSS),
    "scale_loss": (
        EFFECTS,
        GOLDEN_LOSS,
        "tests/model/test_similarity.py::test_scale_loss_looks_at_the_easiest_real_row",
        "tests/model/test_crf.py::test_scaling_begins_when_one_real_example_is_easy",
    ),
    "maximum_positive_similarity": (EFFECTS, SLOW_LOSS, GOLDEN_LOSS),
    "maximum_negative_similarity": (EFFECTS, SLOW_LOSS, GOLDEN_LOSS),
    "use_maximum_negative_similarity": (EFFECTS, SLOW_LOSS, GOLDEN_LOSS),
    "negative_margin_scale": (EFFECTS, SLOW_LOSS, GOLDEN_LOSS),
    "regularization_constant": (
        EFFECTS,
        DIET + "test_variables_and_regularised_ones_are_rasas",
        "tests/model/test_golden_diet.py::test_gradients_before_and_after_the_rule_of_l2",
    ),
    "drop_rate": (
        EFFECTS,
        DROPOUT,
        "tests/model/test_dense.py::test_ffnn_drops_behind_each_layer_and_scales",
    ),
    "drop_rate_attention": (
        EFFECTS,
        "tests/model/test_transformer.py::test_attention_dropout_hides_keys_without_scaling",
    ),
    "use_sparse_input_dropout": (EFFECTS, DROPOUT),
    "use_dense_input_dropout": (EFFECTS, DROPOUT),
    "batch_size": (SAMPLING + "test_the_batch_size_grows_by_epoch", WRONG),
    "batch_strategy": (
        SAMPLING + "test_balanced_epochs_show_the_largest_class_once_and_every_example",
        SAMPLING + "test_sequence_plans_are_permutations",
    ),
    "drop_small_last_batch": (SAMPLING + "test_a_small_last_batch_can_be_dropped",),
    "epochs": ("tests/trainer/test_going_on.py::test_more_epochs_go_on_where_the_run_ended",),
    "learning_rate": ("tests/trainer/test_adam.py::test_ten_steps_equal_those_of_keras",),
    "random_seed": (SAMPLING + "test_a_plan_is_a_function_of_seed_and_epoch",),
    "evaluate_every_number_of_epochs": (
        HELD_OUT + "test_an_interval_is_in_epochs_and_minus_one_is_after_the_last",
    ),
    "evaluate_on_number_of_examples": (
        HELD_OUT + "test_held_out_examples_are_evaluated_on_and_not_trained_on",
        "tests/data_pipeline/test_hold_out.py::test_the_same_examples_as_rasa_chooses",
        "tests/world/test_held_out.py::test_two_mirrored_devices_measure_what_one_does",
    ),
    "checkpoint_model": (
        HELD_OUT + "test_the_best_checkpoint_stays_beside_the_newest",
        HELD_OUT + "test_without_checkpoint_model_the_best_one_goes_like_any_other",
    ),
    "tensorboard_log_directory": (
        "tests/test_options_doc.py::test_rasas_tensorboard_options_are_accepted",
    ),
    "tensorboard_log_level": (
        "tests/test_options_doc.py::test_rasas_tensorboard_options_are_accepted",
    ),
    "run_eagerly": (WRONG,),
    "featurizers": (
        "tests/data_pipeline/test_dense_features.py::test_aliases_choose_among_dense_featurizers",
    ),
    "ranking_length": (ANSWERING + "test_the_ranking_is_cut",),
    "model_confidence": (WRONG,),
    "renormalize_confidences": (ANSWERING + "test_a_cut_ranking_can_be_made_to_sum_to_one",),
    "split_entities_by_comma": (
        "tests/data_pipeline/test_entities.py::test_tagged_tokens_are_joined_as_in_rasa",
    ),
    "entity_confidence": (
        "tests/model/test_crf.py::test_confidences",
        "tests/model/test_golden_crf.py::test_decoded_tags_and_rasas_confidences",
    ),
}
TRAINER_TESTS: dict[str, tuple[str, ...]] = {
    "strategy": (
        "tests/world/test_world_sizes.py::test_two_mirrored_devices_train_as_one",
        "tests/trainer/test_bad_options.py::test_a_wrong_value_of_a_flag",
    ),
    "precision": (
        "tests/world/test_world_sizes.py::test_half_precision_trains_on_several_devices",
    ),
    "accumulate_steps": (
        "tests/model/test_parts.py::test_a_batch_in_parts_has_the_losses_and_gradients_of_the_whole",
    ),
    "clip_norm": ("tests/world/test_world_sizes.py::test_two_mirrored_devices_train_as_one",),
    "checkpoint_every_steps": (DUE,),
    "checkpoint_every_minutes": (DUE,),
    "keep_checkpoints": ("tests/trainer/test_checkpoints.py::test_the_newest_ones_are_kept",),
    "early_stopping_patience": (
        HELD_OUT + "test_training_ends_after_evaluations_without_improvement",
        "tests/world/test_held_out.py::test_all_processes_stop_early_together",
    ),
    "gradient_compression": (
        "tests/world/test_gradient_exchange.py::test_gradients_are_summed_over_processes",
    ),
    "augmentation_factor": (
        "tests/trainer/test_ted_training.py::test_gluing_stories_is_part_of_what_a_run_keeps",
    ),
    "prepare_processes": (
        "tests/trainer/test_prepared_round_trip.py::test_two_processes_prepare_what_one_does",
    ),
    "logical_cpu_devices": (
        "tests/world/test_world_sizes.py::test_two_mirrored_devices_train_as_one",
    ),
}
REFUSED = "refused"
WITHOUT_EFFECT = "accepted, without effect"
# What is neither done as in Rasa nor evident.
STATUS = {
    "run_eagerly": f"`true` is {REFUSED}: a run is one compiled graph",
    "tensorboard_log_directory": f"{WITHOUT_EFFECT}: it is always written to the run directory",
    "tensorboard_log_level": f"{WITHOUT_EFFECT}: steps and epochs are both written",
    "random_seed": "done; empty means 0, so that a run can be repeated",
    "batch_strategy": "done",
    "model_confidence": f'done; values other than "softmax" are {REFUSED}, as by Rasa 3',
    "similarity_type": f'done; "cosine" with cross-entropy is {REFUSED}, as by Rasa',
    "entity_confidence": "ours",
}
MEANING = {
    "random_seed": "determines initial weights, order of examples and all draws",
    "loss_type": '"cross_entropy" over sampled negatives, or "margin" as in StarSpace',
    "entity_confidence": '"rasa" as Rasa computes it, or "intended"; see `model/crf.py`',
    "batch_strategy": '"balanced" draws intents evenly, "sequence" takes all messages in any order',
    "epochs": "times that the training data is gone through",
    "model_confidence": "how similarities become confidences",
    "tensorboard_log_level": '"epoch" or "batch"',
}
HEAD = """\
# Options

Written by `scripts/make_options_doc.py` from the code; `tests/test_options_doc.py` fails when it is
stale. *Shown by* names the tests that would fail if the option did not do what it says.

## Of `DIETClassifier`, in `config.yml`

Rasa's names, defaults and meanings; maps are merged with their defaults key by key. Unknown options
are refused with "did you mean".
"""


def render() -> str:
    """The document.

    Raises:
        KeyError: an option has no entry here.
    """
    renamed = [
        f"| `{old}` | `{new}`{' (1 minus the value)' if old == 'weight_sparsity' else ''} |"
        for old, new in RETIRED.items()
        if new.partition(".")[0] in DIET_TESTS
    ]
    parts = [
        HEAD,
        *_table(DIETOptions, DIET_TESTS),
        "\n## Renamed\n",
        "Names of Rasa 1 and 2 are translated, with a notice in the log",
        f"({_link(OPTIONS + 'test_retired_names_are_translated_with_a_notice')}).\n",
        "| earlier | now |\n|---|---|",
        *renamed,
        "| `loss_type: softmax` | `loss_type: cross_entropy` |",
        "\n## Ours, in `trainer.yml`, by `--set` or by flags\n",
        *_table(TrainerOptions, TRAINER_TESTS),
    ]
    return "\n".join(parts) + "\n"


def _table(options: type, tests: dict[str, tuple[str, ...]]) -> list[str]:
    usual = "ours" if options is TrainerOptions else "done"
    what = meanings(options)
    lines = ["| option | default | what it does | here | shown by |", "|---|---|---|---|---|"]
    for field in dataclasses.fields(options):
        cells = (
            f"`{field.name}`",
            f"`{_default(field)}`",
            what[field.name],
            STATUS.get(field.name, usual),
            ", ".join(map(_link, tests[field.name])),
        )
        lines.append(f"| {' | '.join(cells)} |")
    return lines


def _default(field: dataclasses.Field) -> str:
    made = field.default_factory is not dataclasses.MISSING
    value: Any = field.default_factory() if made else field.default
    text = yaml.safe_dump(value, default_flow_style=True, sort_keys=False)
    return text.removesuffix("...\n").strip().replace("null", "empty")


def meanings(options: type) -> dict[str, str]:
    """What each option does, in its metadata or in the docstring of the class."""
    section = inspect.getdoc(options).partition("Attributes:\n")[2]
    entries = re.findall(r"^    (\w+): (.*(?:\n {8}.*)*)", section, re.MULTILINE)
    described = {name: " ".join(text.split()).removesuffix(".") for name, text in entries}
    for field in dataclasses.fields(options):
        described.setdefault(field.name, field.metadata.get("meaning", ""))
    return {**described, **{name: MEANING[name] for name in MEANING.keys() & described.keys()}}


def _link(test: str) -> str:
    path, _, name = test.partition("::")
    return f"[{name.removeprefix('test_').replace('_', ' ')}](../{path})"


if __name__ == "__main__":
    DOCUMENT.write_text(render(), encoding="utf-8")
    print(DOCUMENT)
