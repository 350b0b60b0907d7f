"""What the trainer must know of each model: where its data comes from, what follows training."""
