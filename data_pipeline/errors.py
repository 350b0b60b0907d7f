"""What is raised when the user's input, not this program, is at fault."""

from __future__ import annotations


class InputError(ValueError):
    """Bad input, described in one line: what was wrong, where, what was received, what to do.

    The command line prints the line and exits with code 2; anything else keeps its traceback.
    """


class MissingResource(InputError):
    """What a component needs is not on this machine: a package, or a pretrained model."""
