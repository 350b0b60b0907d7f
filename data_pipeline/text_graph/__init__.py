r"""The text-to-features side as core TensorFlow operations, so that a SavedModel takes raw text.

Each file mirrors one of the Python ones exactly: `tokens` the tokenizer, `count_vectors`,
`lexical_syntactic`, `regex_featurizer` and `word_vectors` the featurizers, `text_features` the
making of a batch, `entities` the decoding of tags. What Python says about characters (`\w`, lower
case, ...) is frozen into tables (`characters`), since TensorFlow's own string operations follow
other rules. `TextFeatures` is the way in.
"""
