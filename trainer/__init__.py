"""The run: command line, configuration, devices, step, loop, checkpoints, evaluation, export."""
