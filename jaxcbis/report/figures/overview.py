"""Several runs, one below the other."""

from collections.abc import Sequence

import matplotlib as mpl
from matplotlib.figure import Figure

from jaxcbis.report.figures.style import BLUE, GREY, SETTINGS

ALT = "Accuracy and LL score of every run with 95 % intervals, as in the table above."


def draw(names: Sequence[str], runs: Sequence[dict]) -> Figure:
    """Accuracy and LL score with their 95 % intervals.

    Args:
      names: of the runs.
      runs: their results.json.
    """
    with mpl.rc_context(SETTINGS):
        figure = Figure(figsize=(10, 1.2 + 0.3 * len(runs)), layout="constrained")
        parts = [("test", "accuracy", "accuracy")]
        if any((of.get("localization") or {}).get("ll_score") is not None for of in runs):
            parts.append(("localization", "ll_score", "LL score"))
        panels = figure.subplots(1, len(parts), sharey=True, squeeze=False)[0]
        for axes, (part, key, title) in zip(panels, parts, strict=True):
            for row, results in enumerate(runs):
                found = results.get(part) or {}
                if found.get(key) is None:
                    continue
                if interval := found.get(f"{key}_ci95"):
                    axes.plot(interval, (row, row), color=GREY, linewidth=2)
                axes.plot(found[key], row, "o", color=BLUE)
            axes.set(xlabel=title)
            axes.grid(alpha=0.3, axis="x")
        panels[0].set_yticks(range(len(runs)), names, parse_math=False)
        panels[0].invert_yaxis()
    return figure
