"""Which tests show what each option does: a table for each kind of options."""

from __future__ import annotations

OPTIONS = "tests/model/options/test_options.py::"
EFFECTS = (
    "tests/model/diet/test_option_effects.py::test_a_changed_option_changes_the_model_or_its_losses"
)
DIET = "tests/model/diet/test_diet.py::"
GOLDEN_DIET = "tests/model/diet/test_golden_diet.py::test_every_loss_and_their_sum"
GOLDEN_LOSS = "tests/model/losses/test_golden_similarity.py::test_loss_accuracy_and_gradients"
SLOW_LOSS = "tests/model/losses/test_similarity.py::test_loss_is_that_of_the_slow_version"
ATTENTION = "tests/model/layers/test_transformer.py::test_attention_is_that_of_a_loop"
TRANSFORMER = "tests/model/layers/test_golden_text.py::test_transformer"
COMBINING = "tests/model/layers/test_golden_text.py::test_feature_combining"
UNUSUAL = "tests/trainer/diet/test_unusual_data.py::"
SAMPLING = "tests/data_pipeline/batches/test_sampling.py::"
ANSWERING = "tests/trainer/diet/test_answering.py::"
HELD_OUT = "tests/trainer/training/test_validation.py::"
DUE = (
    "tests/trainer/checkpoints/test_checkpoint_policy.py"
    "::test_steps_and_minutes_are_counted_from_the_last_checkpoint"
)
DROPOUT = (
    "tests/model/layers/test_features.py::test_sparse_dropout_does_not_scale_and_dense_dropout_does"
)
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
    "embedding_dimension": (EFFECTS, "tests/model/layers/test_golden_dense.py::test_embed"),
    "dense_dimension": (EFFECTS, COMBINING, GOLDEN_DIET),
    "concat_dimension": (EFFECTS, COMBINING),
    "connection_density": (
        EFFECTS,
        "tests/model/layers/test_golden_dense.py::test_randomly_connected_dense_with_rasas_mask",
        "tests/model/layers/test_dense.py::test_minimal_connections_tile_the_identity",
    ),
    "intent_classification": (EFFECTS, WITHOUT_TASK),
    "entity_recognition": (EFFECTS, WITHOUT_TASK),
    "use_masked_language_model": (
        EFFECTS,
        GOLDEN_DIET,
        "tests/model/layers/test_masking.py::test_proportions",
    ),
    "BILOU_flag": (
        "tests/data_pipeline/entities/test_tags.py::test_bilou_ids_count_four_per_sorted_name",
        "tests/data_pipeline/entities/test_tags.py::test_plain_ids_count_sorted_names_from_one",
        "tests/model/diet/test_golden_diet.py::test_answers",
    ),
    "number_of_negative_examples": (EFFECTS, SLOW_LOSS),
    "similarity_type": (EFFECTS, SLOW_LOSS, GOLDEN_LOSS, WRONG),
    "loss_type": (EFFECTS, SLOW_LOSS, GOLDEN_LOSS, OPTIONS + "test_margin_means_cosine"),
    "constrain_similarities": (EFFECTS, SLOW_LOSS, GOLDEN_LOSS),
    "scale_loss": (
        EFFECTS,
        GOLDEN_LOSS,
        "tests/model/losses/test_similarity.py::test_scale_loss_looks_at_the_easiest_real_row",
        "tests/model/losses/test_crf.py::test_scaling_begins_when_one_real_example_is_easy",
    ),
    "maximum_positive_similarity": (EFFECTS, SLOW_LOSS, GOLDEN_LOSS),
    "maximum_negative_similarity": (EFFECTS, SLOW_LOSS, GOLDEN_LOSS),
    "use_maximum_negative_similarity": (EFFECTS, SLOW_LOSS, GOLDEN_LOSS),
    "negative_margin_scale": (EFFECTS, SLOW_LOSS, GOLDEN_LOSS),
    "regularization_constant": (
        EFFECTS,
        DIET + "test_variables_and_regularised_ones_are_rasas",
        "tests/model/diet/test_golden_diet.py::test_gradients_before_and_after_the_rule_of_l2",
    ),
    "drop_rate": (
        EFFECTS,
        DROPOUT,
        "tests/model/layers/test_dense.py::test_ffnn_drops_behind_each_layer_and_scales",
    ),
    "drop_rate_attention": (
        EFFECTS,
        "tests/model/layers/test_transformer.py::test_attention_dropout_hides_keys_without_scaling",
    ),
    "use_sparse_input_dropout": (EFFECTS, DROPOUT),
    "use_dense_input_dropout": (EFFECTS, DROPOUT),
    "batch_size": (SAMPLING + "test_the_batch_size_grows_by_epoch", WRONG),
    "batch_strategy": (
        SAMPLING + "test_balanced_epochs_show_the_largest_class_once_and_every_example",
        SAMPLING + "test_sequence_plans_are_permutations",
    ),
    "drop_small_last_batch": (SAMPLING + "test_a_small_last_batch_can_be_dropped",),
    "epochs": ("tests/trainer/run/test_going_on.py::test_more_epochs_go_on_where_the_run_ended",),
    "learning_rate": ("tests/trainer/training/test_adam.py::test_ten_steps_equal_those_of_keras",),
    "random_seed": (SAMPLING + "test_a_plan_is_a_function_of_seed_and_epoch",),
    "evaluate_every_number_of_epochs": (
        HELD_OUT + "test_an_interval_is_in_epochs_and_minus_one_is_after_the_last",
    ),
    "evaluate_on_number_of_examples": (
        HELD_OUT + "test_held_out_examples_are_evaluated_on_and_not_trained_on",
        "tests/data_pipeline/batches/test_hold_out.py::test_the_same_examples_as_rasa_chooses",
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
        "tests/data_pipeline/featurizers/dense/test_dense_features.py::test_aliases_choose_among_dense_featurizers",
    ),
    "ranking_length": (ANSWERING + "test_the_ranking_is_cut",),
    "model_confidence": (WRONG,),
    "renormalize_confidences": (ANSWERING + "test_a_cut_ranking_can_be_made_to_sum_to_one",),
    "split_entities_by_comma": (
        "tests/data_pipeline/entities/test_entities.py::test_tagged_tokens_are_joined_as_in_rasa",
    ),
    "entity_confidence": (
        "tests/model/losses/test_crf.py::test_confidences",
        "tests/model/losses/test_golden_crf.py::test_decoded_tags_and_rasas_confidences",
    ),
}
TED_EFFECTS = (
    "tests/model/ted/test_ted_option_effects.py"
    "::test_a_changed_option_changes_the_model_or_its_losses"
)
TED_UNUSED = (
    "tests/model/ted/test_ted_option_effects.py"
    "::test_an_option_that_rasa_does_not_look_at_changes_nothing"
)
TED_CONCAT = (
    "tests/model/ted/test_ted_option_effects.py"
    "::test_features_of_a_text_that_differ_in_width_meet_at_the_concat_dimension"
)
GOLDEN_TED = "tests/model/ted/test_golden_ted.py::test_every_loss_and_their_sum"
GOLDEN_TED_GRADIENTS = "tests/model/ted/test_golden_ted.py::test_gradients"
TED_OPTIONS = "tests/model/ted/test_ted_options.py::"
TED_WRONG = TED_OPTIONS + "test_wrong_values_are_named"
TED_TRAINING = "tests/trainer/ted/test_ted_training.py::"
TED_ANSWERING = "tests/trainer/ted/test_ted_answering.py::"
TED_TALKING = (
    "tests/trainer/ted/test_ted_end_to_end.py"
    "::test_entities_of_a_typed_text_are_found_and_fill_their_slot"
)
EXAMPLES = (
    "tests/data_pipeline/dialogue/test_golden_dialogues.py"
    "::test_examples_are_rasas_in_the_same_order"
)
TED_BOTH = TED_TRAINING + "test_a_set_for_one_model_and_one_for_both"
TED_HELD_OUT = TED_TRAINING + "test_held_out_actions_are_evaluated_on"

TED_TESTS: dict[str, tuple[str, ...]] = {
    "hidden_layers_sizes": (TED_EFFECTS,),
    "dense_dimension": (TED_EFFECTS, GOLDEN_TED),
    "concat_dimension": (TED_CONCAT,),
    "encoding_dimension": (TED_EFFECTS, GOLDEN_TED),
    "transformer_size": (TED_EFFECTS, GOLDEN_TED),
    "number_of_transformer_layers": (TED_EFFECTS, TED_WRONG),
    "number_of_attention_heads": (TED_EFFECTS, TED_WRONG),
    "use_key_relative_attention": (TED_EFFECTS, ATTENTION, TRANSFORMER),
    "use_value_relative_attention": (TED_EFFECTS, ATTENTION, TRANSFORMER),
    "max_relative_position": (TED_EFFECTS, TRANSFORMER),
    "unidirectional_encoder": (TED_EFFECTS, ATTENTION, TRANSFORMER),
    "embedding_dimension": (TED_EFFECTS, GOLDEN_TED),
    "connection_density": (TED_EFFECTS, GOLDEN_TED),
    "entity_recognition": (TED_EFFECTS, GOLDEN_TED),
    "use_masked_language_model": (TED_EFFECTS,),
    "BILOU_flag": (
        "tests/data_pipeline/dialogue/test_end_to_end_features.py"
        "::test_tags_count_through_all_entity_states_of_the_domain",
    ),
    "number_of_negative_examples": (TED_EFFECTS, SLOW_LOSS),
    "similarity_type": (TED_EFFECTS, SLOW_LOSS, GOLDEN_LOSS),
    "loss_type": (TED_EFFECTS, GOLDEN_TED, GOLDEN_TED_GRADIENTS),
    "constrain_similarities": (TED_EFFECTS, SLOW_LOSS, GOLDEN_LOSS),
    "scale_loss": (TED_EFFECTS, GOLDEN_TED, GOLDEN_LOSS),
    "maximum_positive_similarity": (TED_EFFECTS, SLOW_LOSS, GOLDEN_LOSS),
    "maximum_negative_similarity": (TED_EFFECTS, SLOW_LOSS, GOLDEN_LOSS),
    "use_maximum_negative_similarity": (TED_EFFECTS, SLOW_LOSS, GOLDEN_LOSS),
    "negative_margin_scale": (TED_EFFECTS, SLOW_LOSS, GOLDEN_LOSS),
    "regularization_constant": (TED_EFFECTS, GOLDEN_TED_GRADIENTS),
    "drop_rate": (TED_EFFECTS, DROPOUT),
    "drop_rate_dialogue": (TED_EFFECTS,),
    "drop_rate_label": (TED_UNUSED,),
    "drop_rate_attention": (TED_EFFECTS,),
    "use_sparse_input_dropout": (TED_EFFECTS, DROPOUT),
    "use_dense_input_dropout": (TED_EFFECTS, DROPOUT),
    "batch_size": (
        SAMPLING + "test_the_batch_size_grows_by_epoch",
        TED_TRAINING + "test_one_command_trains_both_models_in_directories_of_their_own",
    ),
    "batch_strategy": DIET_TESTS["batch_strategy"],
    "epochs": (TED_BOTH,),
    "learning_rate": (TED_BOTH, *DIET_TESTS["learning_rate"]),
    "random_seed": (TED_BOTH, *DIET_TESTS["random_seed"]),
    "evaluate_every_number_of_epochs": (TED_HELD_OUT,),
    "evaluate_on_number_of_examples": (TED_HELD_OUT,),
    "checkpoint_model": (TED_HELD_OUT,),
    "tensorboard_log_directory": DIET_TESTS["tensorboard_log_directory"],
    "tensorboard_log_level": DIET_TESTS["tensorboard_log_level"],
    "use_gpu": (TED_WRONG,),
    "max_history": (EXAMPLES, TED_BOTH),
    "featurizer": (
        TED_EFFECTS,
        TED_OPTIONS + "test_the_featurizer_says_whether_examples_are_full_dialogues",
        TED_TRAINING + "test_whole_dialogues_train",
    ),
    "featurizers": DIET_TESTS["featurizers"],
    "ranking_length": (TED_ANSWERING + "test_the_ranking_is_cut_and_can_be_made_to_sum_to_one",),
    "model_confidence": (TED_WRONG,),
    "renormalize_confidences": (
        TED_ANSWERING + "test_the_ranking_is_cut_and_can_be_made_to_sum_to_one",
    ),
    "e2e_confidence_threshold": (
        TED_ANSWERING + "test_the_answer_to_a_text_wins_if_it_is_sure_and_more_similar",
    ),
    "split_entities_by_comma": (TED_TALKING, *DIET_TESTS["split_entities_by_comma"]),
    "priority": (TED_UNUSED,),
    "entity_confidence": DIET_TESTS["entity_confidence"],
}
TRAINER_TESTS: dict[str, tuple[str, ...]] = {
    "strategy": (
        "tests/world/test_world_sizes.py::test_two_mirrored_devices_train_as_one",
        "tests/trainer/cli/test_bad_options.py::test_a_wrong_value_of_a_flag",
    ),
    "precision": (
        "tests/world/test_world_sizes.py::test_half_precision_trains_on_several_devices",
    ),
    "accumulate_steps": (
        "tests/model/layers/test_parts.py::test_a_batch_in_parts_has_the_losses_and_gradients_of_the_whole",
        "tests/model/layers/test_parts.py"
        "::test_dialogues_in_parts_have_the_losses_and_gradients_of_the_whole",
    ),
    "clip_norm": ("tests/world/test_world_sizes.py::test_two_mirrored_devices_train_as_one",),
    "checkpoint_every_steps": (DUE,),
    "checkpoint_every_minutes": (DUE,),
    "keep_checkpoints": (
        "tests/trainer/checkpoints/test_checkpoints.py::test_the_newest_ones_are_kept",
    ),
    "early_stopping_patience": (
        HELD_OUT + "test_training_ends_after_evaluations_without_improvement",
        "tests/world/test_held_out.py::test_all_processes_stop_early_together",
    ),
    "gradient_compression": (
        "tests/world/test_gradient_exchange.py::test_gradients_are_summed_over_processes",
    ),
    "augmentation_factor": (
        "tests/trainer/ted/test_ted_training.py::test_gluing_stories_is_part_of_what_a_run_keeps",
    ),
    "prepare_processes": (
        "tests/trainer/run/test_prepared_round_trip.py::test_two_processes_prepare_what_one_does",
    ),
    "logical_cpu_devices": (
        "tests/world/test_world_sizes.py::test_two_mirrored_devices_train_as_one",
    ),
}
