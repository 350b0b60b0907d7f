"""From Rasa training files to batches of tensors: readers, featurizers, the prepared dataset, tf.data."""
