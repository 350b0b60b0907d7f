"""`python -m trainer`."""

import os

# Before TensorFlow is loaded: its start-up notices would bury what the user should see.
os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")
os.environ.setdefault("KERAS_BACKEND", "tensorflow")

if __name__ == "__main__":
    from trainer.cli import main

    main()
