"""All figures of one run, in its folder figures/."""

from pathlib import Path

import matplotlib as mpl
from matplotlib.figure import Figure

from jaxcbis.records.predictions import Predictions
from jaxcbis.report.figures import (
    alternatives,
    confusion,
    localization,
    ranking,
    reliability,
    saving,
    training,
)
from jaxcbis.report.figures.style import SETTINGS
from jaxcbis.report.tables import title_of

_DRAWN = {
    "confusion": confusion.draw,
    "reliability": reliability.draw,
    "training": training.draw,
    "localization": localization.draw,
}
_RANKED = {"roc": ranking.roc, "precision_recall": ranking.precision_recall}
#: Those that do not say themselves which run they are of.
_UNTITLED = ("roc", "precision_recall", "reliability", "localization")


def write(run_dir: Path, results: dict, predictions: Predictions | None = None) -> list[Path]:
    """Draws every figure that a run has, and writes it as PNG and as SVG.

    Args:
      run_dir: folder of the run.
      results: content of results.json.
      predictions: of predictions.csv; without them there are no ROC and precision-recall curves.

    Returns:
      The PNG files.

    Raises:
      UserError: a file cannot be written.
    """
    written = []
    for name in alternatives.of(results, answers=predictions is not None):
        stem = run_dir / "figures" / name
        with mpl.rc_context(SETTINGS):
            saving.both(stem, _draw(name, results, predictions))
        written.append(stem.with_suffix(".png"))
    return written


def _draw(name: str, results: dict, predictions: Predictions | None) -> Figure:
    if predictions is not None and name in _RANKED:
        figure = _RANKED[name](results, predictions)
    else:
        figure = _DRAWN[name](results)
    if name in _UNTITLED:
        figure.suptitle(title_of(results), fontsize=9)
    return figure
