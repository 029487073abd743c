"""What a sweep will take, and whether its windows fit the mammogram: known before it starts."""

import time
from collections.abc import Callable, Sequence

import jax
import numpy as np

from jaxcbis.data import pictures
from jaxcbis.models.inference import BATCH
from jaxcbis.report.tables import is_demo

#: Side of a lesion's crop as a share of its mammogram's rows, by protocol: medians over the masses
#: of CBIS-DDSM, tight, with a fifth of context on each side, and in a window twice as wide.
SHARES = {"paper": 0.060, "clean": 0.093, "shifted": 0.133}
#: Rows of the demo's phantoms, whose lesions are larger than that.
PHANTOM_ROWS = 440
#: A window is said not to fit where another one is so many times larger or smaller.
OFF = 2
#: Fewer batches than this are done before anybody would read how long they take.
WORTH_TIMING = 8


def trained_rows(results: dict) -> float | None:
    """Rows of the mammograms that a run's lesion crops were cut from.

    Of the demo they are known. Of other data they are reckoned from how large lesions are in
    CBIS-DDSM, which is right within a factor of `OFF`.

    Args:
      results: content of results.json.

    Returns:
      None where the run does not know how large its crops were.
    """
    if is_demo(results):
        return PHANTOM_ROWS
    side = results["model"].get("lesion_side")
    return None if side is None else side / SHARES[results["config"]["protocol"]]


def fitting_window(results: dict, shape: tuple[int, int]) -> int | None:
    """The window that shows a mammogram as the run's crops showed theirs, if its own do not fit.

    Args:
      results: content of results.json.
      shape: of the mammogram, whose longer side counts as its rows.

    Returns:
      Side in the mammogram's pixels; None where the side of the run's own crops fits, or is not
      known, or nothing could be seen in one that does.
    """
    rows, side = trained_rows(results), results["model"].get("lesion_side")
    if rows is None or side is None:
        return None
    scale = max(shape) / rows
    fitting = round(side * scale)
    fits = 1 / OFF < scale < OFF
    return None if fits or not pictures.SMALLEST <= fitting <= min(shape) else fitting


def pace(answer: Callable[[Sequence[np.ndarray]], np.ndarray], side: int) -> float:
    """Seconds that a window takes in a batch, once the model is compiled.

    Args:
      answer: as of `sweep.sweep`.
      side: of a window.
    """
    count = batch()
    blank = [np.zeros((side, side), np.uint8)] * count
    answer(blank)  # compiles
    began = time.perf_counter()
    answer(blank)
    return (time.perf_counter() - began) / count


def batch() -> int:
    """Windows that are asked about at once."""
    return BATCH * jax.device_count()
