"""What a round predicted, and what is left of it: classes are merged and deleted, predictions rejected."""

import numpy as np

from shoal.types import UNLABELLED
from shoal.workspace.labels import LabelLog
from shoal.workspace.replay import among
from shoal.workspace.rounds import Predictions


def standing(found: Predictions, log: LabelLog) -> Predictions:
    """Return predictions with the classes as they are now, and without what was rejected since."""
    class_ids = log.as_now(found.class_ids)
    # none of the classes stays that answer: only what was a class is taken away
    gone = (found.class_ids >= 0) & ((class_ids < 0) | among(found.ids, class_ids, log.rejected()))
    return Predictions(
        found.ids,
        np.where(gone, np.int32(UNLABELLED), class_ids),
        np.where(gone, np.float32(0), found.confidence),
        log.as_now(found.held_out),
    )
