"""From training files to a prepared data set, in two streaming passes over the messages.

1. *Scan*: which tokens, intents and tags there are; what each featurizer needs to know.
2. *Write*: every message as ids, shard by shard.

Messages are handled in chunks, by several processes if wanted; neither pass holds more than a few
chunks, so memory grows with the vocabulary and not with the number of messages.
"""

from __future__ import annotations

import hashlib
import json
import logging
from collections.abc import Callable, Iterable, Iterator, Sequence
from itertools import islice
from pathlib import Path
from typing import Any

from scipy.sparse import csr_matrix, vstack
from tqdm import tqdm

from data_pipeline.chunk_workers import ChunkWorkers
from data_pipeline.errors import InputError
from data_pipeline.example_store import Examples, join
from data_pipeline.examples import Message
from data_pipeline.featurizer import TokenizedMessage
from data_pipeline.nlu_files import find_nlu_files, iter_nlu
from data_pipeline.pipeline import FittedPipeline, IdAssigner, encode, feature_tables
from data_pipeline.pipeline_components import Components
from data_pipeline.prepared import (
    FORMAT_VERSION,
    PreparedDataset,
    PreparedWriter,
    open_prepared,
    read_header,
    sha256_of,
)
from data_pipeline.scan import Scan, fit_pipeline, scan_chunk

logger = logging.getLogger(__name__)

CHUNK_MESSAGES = 2000
SHARD_MESSAGES = 64_000
TOKENS_PER_BLOCK = 20_000
"""E
true
