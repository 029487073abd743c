"""How large lesions are in the patches that a run learned from, beside the views."""

import numpy as np

from jaxcbis.data.mammograms import Mammograms
from jaxcbis.mammograms.config import CELL
from jaxcbis.runs.finished import Finished

#: Lesions that differ more in size than this between patches and views are told of.
FACTOR = 4


def of_views(found: Mammograms) -> float:
    """Pixels of a view for each of its mammogram, the median of the training views."""
    train = found.splits["train"]
    rows = train.boxes[:, 3] - train.boxes[:, 1]
    return float(np.median(train.images.shape[1] / rows))


def of_patches(patch: Finished) -> float | None:
    """Pixels of a patch for each of its mammogram; None where the run does not know its crops."""
    side = patch.results["model"].get("lesion_side")
    return patch.config.image_size / side if side else None


def told(patch: Finished, found: Mammograms) -> str | None:
    """How large a lesion is in the patches beside the views, in words; None where it is unknown.

    Args:
      patch: the run that learned from patches.
      found: the views.
    """
    of_patch, of_view = of_patches(patch), of_views(found)
    if of_patch is None:
        return None
    alike = max(round(found.splits["train"].images.shape[1] * of_patch / of_view / CELL), 2) * CELL
    return (
        f"a lesion is {of_patch / of_view:.1f} times as large in the patches as in the views "
        f"(alike at --height {alike})"
    )


def mismatch(patch: Finished, found: Mammograms) -> str | None:
    """A note where the sizes are too far apart for what was learned to hold; else None."""
    of_patch = of_patches(patch)
    if of_patch is None or 1 / FACTOR <= of_patch / of_views(found) <= FACTOR:
        return None
    return f"scale: {told(patch, found)}, so that the views may show nothing that was learned"
