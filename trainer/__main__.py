"""`python -m trainer`."""

import os
import sys

MEMORY_SETTINGS = {
    # The system's allocator instead of TensorFlow's pool, which keeps what it once needed (0.4 GB
    # more on SNIPS), and huge pages for its large blocks, without which it would be slower.
    "GLIBC_TUNABLES": "glibc.malloc.hugetlb=1",
    "TF_ONEDNN_USE_SYSTEM_ALLOCATOR": "1",
}


def start_with_memory_settings() -> None:
    """Start this program anew with them: glibc reads its settings only at the start.

    Where any of them is set already, by the user or by this, nothing is done.
    """
    if not MEMORY_SETTINGS.keys() & os.environ.keys():
        os.environ.update(MEMORY_SETTINGS)
        os.execv(sys.executable, sys.orig_argv)


if __name__ == "__main__":
    start_with_memory_settings()
    from trainer.cli import main

    main()
