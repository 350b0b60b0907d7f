"""The run: command line, configuration, distribution, step, loop, checkpoints, evaluation, export."""
