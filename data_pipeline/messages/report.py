"""Says in the log what was found in training files."""

from __future__ import annotations

import logging

from data_pipeline.batches.example_store import FeatureTables
from data_pipeline.messages.fitted_pipeline import FittedPipeline
from data_pipeline.messages.scan import ScanResult
from data_pipeline.warnings_to_user import warn

logger = logging.getLogger(__name__)


def report_scan(scan: ScanResult, pipeline: FittedPipeline, labels: str) -> None:
    """Say what there is; `labels` is what these are called."""
    tags = ", ".join(f"{number} {head} tags" for head, number in pipeline.tags.num_tags.items())
    logger.info(
        "%d messages, %d distinct tokens, %d %s, %s.",
        scan.total.messages,
        len(scan.token_types()),
        len(pipeline.labels),
        labels,
        tags or "no entities",
    )
    for featurizer in pipeline.without_dense_only().featurizers:
        logger.info(
            "%s: %d columns per token, %d per text.",
            featurizer.alias,
            featurizer.sequence_width,
            featurizer.sentence_width,
        )
    if scan.total.without_tokens:
        warn(f"{scan.total.without_tokens} message(s) have no words and were left out.")
    if scan.total.misaligned:
        bilou = "BILOU tags cannot express them, so they are not learnt"
        plain = "they are learnt with the borders of their tokens"
        warn(
            f"{scan.total.misaligned} annotated entities do not begin and end where tokens do; "
            f"{bilou if pipeline.tags.bilou else plain}. The first: "
            f"{'; '.join(map(str, scan.total.shown_misaligned))}"
        )


def report_vectors(pipeline: FittedPipeline, tables: FeatureTables) -> None:
    """Say how many of the tokens each dense featurizer knows: the file may not fit the data."""
    end = 0
    for featurizer in pipeline.featurizers:
        if featurizer.context_width or featurizer.context_sentence_width:
            logger.info(
                "%s: %d numbers per token and %d per text, which depend on the whole text.",
                featurizer.alias,
                featurizer.context_width,
                featurizer.context_sentence_width,
            )
        if featurizer.dense_width:
            start, end = end, end + featurizer.dense_width
            known = int(tables.token_vectors[:, start:end].any(axis=1).sum())
            logger.log(
                logging.INFO if known else logging.WARNING,
                "%s: vectors of %d numbers; %d of %d distinct tokens have one.",
                featurizer.alias,
                featurizer.dense_width,
                known,
                len(tables.token_vectors),
            )
