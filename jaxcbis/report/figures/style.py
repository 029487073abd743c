"""Colours and lines of all figures, told apart by the colour-blind and on light and dark pages."""

from typing import Any

#: Okabe and Ito's palette; each at a contrast of 3 or more with white and with black.
BLUE, VERMILLION, GREEN, PURPLE, GREY = "#0072B2", "#D55E00", "#009E73", "#CC79A7", "#7F7F7F"
#: Of the same palette, for outlines on dark patches.
SKY = (86, 180, 233)

#: Axes and writing on a light and on a dark page.
INK, DARK_INK = "#1C1E21", "#E8EAED"

#: Colour and line of each class: calcifications are dashed.
CLASSES = {
    "BACKGROUND": (GREY, "-"),
    "BENIGN_Calc": (GREEN, "--"),
    "BENIGN_Mass": (BLUE, "-"),
    "MALIGNANT_Calc": (PURPLE, "--"),
    "MALIGNANT_Mass": (VERMILLION, "-"),
}

#: matplotlib settings of every figure.
SETTINGS: dict[Any, Any] = {
    "axes.edgecolor": INK,
    "axes.labelcolor": INK,
    "axes.titlecolor": INK,
    "text.color": INK,
    "xtick.color": INK,
    "ytick.color": INK,
    "legend.framealpha": 0.0,
    "axes.spines.top": False,
    "axes.spines.right": False,
}
