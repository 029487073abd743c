"""The figures that the study published, as data.

Raut, S. "Analysis of Breast Cancer Lesion Classification Models Trained using Transfer Learning".
CSE 6367 final project, The University of Texas at Arlington. Classes are in the order of `LABELS`.
"""

from collections.abc import Mapping
from typing import Any, NamedTuple

from jaxcbis.labels import LABELS

#: The study's data, by their name in results.json.
DATA = "CBIS-DDSM"


class ClassReport(NamedTuple):
    """One line of the study's classification reports (Figures 8 to 11)."""

    precision: float
    recall: float
    f1: float
    support: int


class Row(NamedTuple):
    """What the study reports of one backbone trained with one strategy."""

    name: str
    batch_size: int
    accuracy: float  # Table II
    epochs: int  # Table II: the epoch with the lowest validation loss
    auc_mean: float  # Table III
    auc: dict[str, float]  # Table III, per class, of hard predictions (see NOTES)
    ll_score: float  # Table IV
    accuracy_x_ll: float  # Table IV
    confusion: tuple[tuple[float, ...], ...]  # share of the true class (row) per predicted class
    confusion_figure: str
    report: dict[str, ClassReport]
    report_figure: str
    macro_f1: float
    weighted_f1: float


#: Table I: images per class.
TABLE_ONE = {
    "train": dict(zip(LABELS, (644, 358, 554, 375, 599), strict=True)),
    "test": dict(zip(LABELS, (310, 110, 183, 110, 144), strict=True)),
}

#: Test images per class according to the classification reports (Figures 8 to 11).
SUPPORT = dict(zip(LABELS, (123, 110, 135, 109, 142), strict=True))

#: What is inconsistent, or must be known before a figure is set beside one of these.
NOTES = (
    "The paper's AUCs (Table III) are those of hard predictions: each equals (TPR + TNR) / 2 of "
    "the printed confusion matrix. Only an AUC of hard predictions compares with them.",
    "Table I counts 857 test images, the classification reports 619; at 619 a 95 % interval on "
    "accuracy is about +-3.6 points, so 0.64 to 0.70 is barely separable.",
    "ResNet50 S2 has accuracy 0.70 in Table II and 0.71 in Figure 11.",
    "The paper does not state the threshold behind its LL score.",
    "The paper normalises each class by itself, test images included, which needs the true label.",
)


def _report(*lines: tuple[float, float, float]) -> dict[str, ClassReport]:
    return {
        label: ClassReport(*line, SUPPORT[label]) for label, line in zip(LABELS, lines, strict=True)
    }


def _per_class(*values: float) -> dict[str, float]:
    return dict(zip(LABELS, values, strict=True))


#: (backbone, strategy) -> published figures.
ROWS = {
    ("vgg19", "s1"): Row(
        name="VGG19 (S1)",
        batch_size=16,
        accuracy=0.66,
        epochs=47,
        auc_mean=0.78,
        auc=_per_class(0.94, 0.69, 0.79, 0.72, 0.76),
        ll_score=0.12,
        accuracy_x_ll=0.08,
        confusion=(
            (0.95, 0.00, 0.05, 0.00, 0.00),
            (0.06, 0.45, 0.05, 0.34, 0.10),
            (0.09, 0.01, 0.72, 0.01, 0.18),
            (0.05, 0.27, 0.06, 0.53, 0.10),
            (0.07, 0.01, 0.29, 0.01, 0.62),
        ),
        confusion_figure="Fig. 4",
        report=_report(
            (0.77, 0.95, 0.85),
            (0.62, 0.45, 0.52),
            (0.63, 0.72, 0.67),
            (0.59, 0.53, 0.56),
            (0.66, 0.62, 0.64),
        ),
        report_figure="Fig. 8",
        macro_f1=0.65,
        weighted_f1=0.66,
    ),
    ("resnet50", "s1"): Row(
        name="ResNet50 (S1)",
        batch_size=8,
        accuracy=0.67,
        epochs=30,
        auc_mean=0.78,
        auc=_per_class(0.95, 0.70, 0.86, 0.64, 0.75),
        ll_score=0.128,
        accuracy_x_ll=0.085,
        confusion=(
            (0.96, 0.02, 0.02, 0.00, 0.01),
            (0.08, 0.51, 0.12, 0.25, 0.04),
            (0.03, 0.01, 0.90, 0.00, 0.06),
            (0.03, 0.39, 0.12, 0.36, 0.11),
            (0.06, 0.01, 0.36, 0.03, 0.55),
        ),
        confusion_figure="Fig. 13",
        report=_report(
            (0.83, 0.96, 0.89),
            (0.54, 0.51, 0.53),
            (0.60, 0.90, 0.72),
            (0.55, 0.36, 0.43),
            (0.76, 0.55, 0.64),
        ),
        report_figure="Fig. 9",
        macro_f1=0.64,
        weighted_f1=0.64,
    ),
    ("vgg19", "s2"): Row(
        name="VGG19 (S2)",
        batch_size=16,
        accuracy=0.64,
        epochs=40,
        auc_mean=0.77,
        auc=_per_class(0.93, 0.64, 0.77, 0.74, 0.75),
        ll_score=0.10,
        accuracy_x_ll=0.064,
        confusion=(
            (0.96, 0.00, 0.04, 0.00, 0.00),
            (0.10, 0.33, 0.05, 0.43, 0.10),
            (0.10, 0.00, 0.64, 0.01, 0.25),
            (0.03, 0.17, 0.04, 0.60, 0.17),
            (0.09, 0.01, 0.23, 0.02, 0.64),
        ),
        confusion_figure="Fig. 12",
        report=_report(
            (0.75, 0.96, 0.84),
            (0.64, 0.33, 0.43),
            (0.65, 0.64, 0.65),
            (0.56, 0.60, 0.58),
            (0.59, 0.64, 0.61),
        ),
        report_figure="Fig. 10",
        macro_f1=0.62,
        weighted_f1=0.63,
    ),
    ("resnet50", "s2"): Row(
        name="ResNet50 (S2)",
        batch_size=16,
        accuracy=0.70,
        epochs=22,
        auc_mean=0.81,
        auc=_per_class(0.95, 0.76, 0.87, 0.71, 0.76),
        ll_score=0.20,
        accuracy_x_ll=0.14,
        confusion=(
            (0.98, 0.00, 0.02, 0.00, 0.01),
            (0.10, 0.61, 0.05, 0.16, 0.07),
            (0.05, 0.01, 0.85, 0.01, 0.08),
            (0.04, 0.29, 0.07, 0.47, 0.13),
            (0.08, 0.02, 0.27, 0.03, 0.60),
        ),
        confusion_figure="Fig. 5",
        report=_report(
            (0.78, 0.98, 0.87),
            (0.65, 0.61, 0.63),
            (0.68, 0.85, 0.76),
            (0.69, 0.47, 0.56),
            (0.71, 0.60, 0.65),
        ),
        report_figure="Fig. 11",
        macro_f1=0.69,
        weighted_f1=0.70,
    ),
}


def row_of(model: Mapping[str, Any]) -> Row | None:
    """What the study reports of a model; None where it reports nothing.

    Args:
      model: with `backbone` and `strategy`, as a run's options or a cell of a study.
    """
    return ROWS.get((model["backbone"], model["strategy"]))
