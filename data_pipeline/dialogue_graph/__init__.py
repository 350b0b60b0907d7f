"""The dialogue-to-features side as TensorFlow operations: what a server knows of a dialogue, turn
by turn, becomes a batch of TED. `DialogueFeatures` is the way in, `Turn` what a server fills in.
"""
