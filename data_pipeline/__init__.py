"""From Rasa training files to batches: readers, featurizers, the prepared data set, tf.data."""
