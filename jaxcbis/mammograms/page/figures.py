"""The figures of a mammogram run, in its folder figures/."""

from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING

from jaxcbis.mammograms.page.answer import LEVELS, level, run_name
from jaxcbis.report.tables import mark

if TYPE_CHECKING:
    from matplotlib.figure import Figure


def alternatives(results: dict) -> dict[str, str]:
    """Which figures a run has, by name, and what each says to those who cannot see it.

    Args:
      results: content of results.json.
    """
    found = {}
    areas = {name: level(results, name).get("auc") for name in LEVELS if _roc(results, name)}
    if areas:
        told = ", ".join(f"{LEVELS[name]} {area:.2f}" for name, area in areas.items())
        found["roc"] = f"ROC curve with operating points; areas: {told}."
    if curves := free_response(results):
        told = ", ".join(
            f"{name} {curve['sensitivity_at']['1']:.2f}" for name, curve in curves.items()
        )
        found["froc"] = (
            "Share of the malignant lesions found by false positives per view; at one per view: "
            f"{told}."
        )
    calibration = level(results, "view").get("calibration") or {}
    if calibration.get("bins"):
        found["calibration"] = (
            "Share of right answers by the probability of the class that is more probable; "
            f"expected calibration error {calibration['ece']:.3f}."
        )
    if results.get("history"):
        found["history"] = "Loss and accuracy of train and validation set per epoch of each phase."
    return found


def free_response(results: dict) -> dict[str, dict]:
    """Free-response curves that have lesions: of the map, and of the patch run's sweep."""
    found = results.get("localization") or {}
    curves = {"map": found.get("froc"), "sweep": (found.get("sweep") or {}).get("froc")}
    return {name: curve for name, curve in curves.items() if curve and curve["lesions"]}


def write(folder: Path, results: dict) -> None:
    """Draws every figure that a run has, as PNG and as SVG.

    Args:
      folder: of the run.
      results: content of results.json.

    Raises:
      UserError: a file cannot be written.
    """
    import matplotlib as mpl  # here: drawing takes seconds to import

    from jaxcbis.mammograms.page import drawings
    from jaxcbis.report.figures import notices, reliability, saving, training
    from jaxcbis.report.figures.style import SETTINGS

    title = f"{run_name(results)}{mark(results)}"
    draw: dict[str, Callable[[], Figure]] = {
        "roc": lambda: drawings.roc(results),
        "froc": lambda: drawings.froc(results),
        "calibration": lambda: reliability.of(level(results, "view")["calibration"], "views"),
        "history": lambda: training.draw(results, title),
    }
    for name in alternatives(results):
        with mpl.rc_context(SETTINGS):
            figure = draw[name]()
            figure.suptitle(title, fontsize=8, parse_math=False)
            notices.stamp(figure, results, size=6)
            saving.both(folder / "figures" / name, figure)


def _roc(results: dict, name: str) -> dict | None:
    return level(results, name).get("roc")
