"""What a saved label map cost and changed: compared with the map it grew from, and with the model's draft."""

import numpy as np

NOT_ANNOTATED = 255


def pixels_changed(before: np.ndarray | None, after: np.ndarray) -> int:
    """How many pixels of two (H, W) uint8 label maps differ. `before` None: from background only."""
    return int(np.count_nonzero(after if before is None else before != after))


def mean_dice(draft: np.ndarray, saved: np.ndarray) -> float:
    """Dice of a draft against what a person saved, 0..1: mean over the labels that either of them has.

    Per label 2·|A∩B| / (|A|+|B|) (Dice 1945), over the pixels the person annotated: 255 in `saved` counts for nothing.
    1.0 where neither has any label: the draft was right to draw nothing. Both are (H, W) uint8.
    """
    known = saved != NOT_ANNOTATED
    drafted, kept = draft[known], saved[known]
    sizes = np.bincount(drafted, minlength=256) + np.bincount(kept, minlength=256)
    both = np.bincount(kept[drafted == kept], minlength=256)
    labels = np.flatnonzero(sizes[1:NOT_ANNOTATED]) + 1
    if labels.size == 0:
        return 1.0
    return float(np.mean(2 * both[labels] / sizes[labels]))
