"""Curves of a mammogram run: ROC with operating points, and free response."""

from collections.abc import Sequence

import matplotlib as mpl
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from jaxcbis.detection.froc import RATES
from jaxcbis.mammograms.page.answer import LEVELS, POINTS, level
from jaxcbis.mammograms.page.figures import free_response
from jaxcbis.report.figures import curves
from jaxcbis.report.figures.style import BLUE, GREEN, GREY, SETTINGS, VERMILLION

#: Colour and line of each level.
_LEVELS = {"view": (BLUE, "-"), "breast": (GREEN, "--"), "patient": (VERMILLION, "-.")}
_MARKERS = ("o", "^", "s")
_CURVES = {"map": (BLUE, "-"), "sweep": (VERMILLION, "--")}


def roc(results: dict) -> Figure:
    """All thresholds at each level, and the operating points that validation chose."""
    figure = Figure(figsize=(4.6, 4.6), layout="constrained")
    axes = _rates(figure)
    markers = dict(zip(POINTS, _MARKERS, strict=True))
    for name, (colour, line) in _LEVELS.items():
        found = level(results, name)
        if not found.get("roc"):
            continue
        said = f"{LEVELS[name]}  {found['auc']:.2f}"
        rates = (found["roc"][key] for key in ("false_positive_rate", "sensitivity"))
        axes.plot(*rates, line, color=colour, label=said)
        for point in found["operating_points"]:
            if point["sensitivity"] is not None and point["specificity"] is not None:
                at = (1 - point["specificity"], point["sensitivity"])
                axes.plot(*at, markers.get(point["name"], "D"), color=colour, markersize=5)
    for name, marker in markers.items():
        axes.plot([], [], marker, color=GREY, markersize=5, label=POINTS[name])
    axes.legend(loc="lower right", fontsize=7.5, title="area; points", title_fontsize=7.5)
    return figure


def roc_of_runs(names: Sequence[str], runs: Sequence[dict]) -> Figure | None:
    """All thresholds per view, of several runs on one axis; None where no run has both classes.

    Args:
      names: of the runs.
      runs: their results.json.
    """
    found = [level(results, "view") for results in runs]
    if not any(of.get("roc") for of in found):
        return None
    with mpl.rc_context(SETTINGS):
        figure = Figure(figsize=(8, 5.2), layout="constrained")
        axes = _rates(figure)
        for k, (name, of) in enumerate(zip(names, found, strict=True)):
            if of.get("roc"):
                rates = (of["roc"][key] for key in ("false_positive_rate", "sensitivity"))
                style = curves.style_of(k) | {
                    "linestyle": ("-", "--", "-.")[k % 3],
                    "markevery": 0.2,
                }
                axes.plot(*rates, label=f"{name}  {of['auc']:.2f}", markersize=5, **style)
        figure.legend(loc="outside right upper", fontsize=8, title="area per view")
    return figure


def _rates(figure: Figure) -> Axes:
    """Axes of a ROC, with the line of chance."""
    axes = figure.subplots()
    axes.plot((0, 1), (0, 1), ":", color=GREY, linewidth=1)
    axes.set(
        xlabel="false positive rate", ylabel="sensitivity",
        xlim=(-0.02, 1.02), ylim=(-0.02, 1.02), aspect="equal",
    )  # fmt: skip
    axes.grid(alpha=0.3)
    return axes


def froc(results: dict) -> Figure:
    """Lesions found by false positives per view: of the map, and of the patch run's sweep."""
    figure = Figure(figsize=(4.6, 4.6), layout="constrained")
    axes = figure.subplots()
    shown = free_response(results)
    for name, curve in shown.items():
        _curve(axes, name, curve)
    of_map = next(iter(shown.values()))
    axes.set_xscale("symlog", linthresh=RATES[0], base=2)
    axes.set_xticks([0, *RATES], ["0", *map(str, RATES)], fontsize=7)
    axes.set(
        xlabel=f"false positives per view ({of_map['images']} views)",
        ylabel=f"sensitivity ({of_map['lesions']} malignant lesions)",
        xlim=(0, 2 * RATES[-1]), ylim=(0, 1.02),
    )  # fmt: skip
    axes.grid(alpha=0.3)
    axes.legend(fontsize=8, loc="upper left")
    return figure


def _curve(axes: Axes, name: str, curve: dict) -> None:
    colour, line = _CURVES[name]
    bounds = curve.get("sensitivity_at_ci95") or {}
    known = [(rate, *bounds[str(rate)]) for rate in RATES if bounds.get(str(rate))]
    label = f"{name}, bars: 95 %" if known else name
    rates, found = curve["false_positives_per_image"], curve["sensitivity"]
    axes.step([0, *rates], [0, *found], line, where="post", color=colour, label=label)
    if known:
        axes.vlines(*zip(*known, strict=True), color=colour, alpha=0.4)
