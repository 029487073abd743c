"""What needs no whole-image classifier, and how much more ours reaches."""

from collections.abc import Mapping

import numpy as np
from numpy.typing import ArrayLike, NDArray

from jaxcbis.data.mammograms import Views
from jaxcbis.evaluation import bootstrap

SWEEP_MAXIMUM, IMAGENET_START, CHANCE = "sweep_maximum", "imagenet_start", "chance"
BREAST_AREA, MEAN_INTENSITY = "breast_area", "mean_intensity"
#: Of 255; film is darker.
LEVEL = 20


def breast(images: NDArray) -> NDArray[np.bool_]:
    """Where the breast is in views, from which all else has been removed but a thin rim of film.

    Args:
      images: uint8 or uint16 [.., height, width].

    Returns:
      bool, of the same shape.
    """
    return images > LEVEL / 255 * np.iinfo(images.dtype).max


def area(views: Views) -> NDArray:
    """How large each breast is, float64 [n], in pixels of the mammogram.

    Not of the view, which is scaled until the breast fills it: there nothing is left of its size.
    In the mammogram's pixels it may also tell of the scanner. So it may: what it shows is how far
    one gets without looking for a lesion.
    """
    height = views.images.shape[1]
    scale = (views.boxes[:, 3] - views.boxes[:, 1]) / height
    return np.array([np.count_nonzero(breast(image)) for image in views.images]) * scale**2


def intensity(views: Views) -> NDArray:
    """How bright each breast is, float64 [n], its mean over the type's maximum; 0 without one."""
    most = np.iinfo(views.images.dtype).max
    means = [image[inside].mean() if (inside := breast(image)).any() else 0.0
             for image in views.images]  # fmt: skip
    return np.array(means, np.float64) / most


def of_views(test: Views, validation: Views) -> dict[str, NDArray]:
    """Scores of the test views by what is measured of the breast alone.

    Args:
      test: views to score.
      validation: views that tell in which direction a measure is suspicious.

    Returns:
      By name float64 [n], turned as `turned` says.
    """
    return {
        name: turned(measure(test), measure(validation), validation.labels)
        for name, measure in ((BREAST_AREA, area), (MEAN_INTENSITY, intensity))
    }


def turned(test: ArrayLike, validation: ArrayLike, labels: ArrayLike) -> NDArray:
    """A measure made a score: higher where it is rather malignant.

    Args:
      test, validation: the measure of the views of two splits.
      labels: of the validation views; the test's labels must not choose.

    Returns:
      The test's measure, its negative where it ranks the validation views worse than chance.
    """
    of_validation, true = np.asarray(validation, np.float64), np.asarray(labels).astype(bool)
    found, _ = bootstrap.auc_with_interval(of_validation, true, None)
    return np.asarray(test, np.float64) * (-1 if found is not None and found < 0.5 else 1)


def compare(
    labels: ArrayLike,
    patients: ArrayLike,
    ours: ArrayLike,
    others: Mapping[str, ArrayLike | None],
) -> dict[str, dict | None]:
    """Our AUC beside that of other scores of the same views.

    Args:
      labels: [n], 1 where the view is malignant.
      patients: [n].
      ours: [n] probabilities.
      others: [n] by name, higher where it is rather malignant; None where there are none.

    Returns:
      Of each of them and of CHANCE {n, auc, auc_ci95, difference, difference_ci95, verdict}: its
      AUC, by how much ours is higher, and what the interval says of ours, see `bootstrap.verdict`.
      The bootstrap is paired and over whole patients. Views that another has no score of, NaN, are
      left out of both; n are left. None for others that there are none of; a figure that does not
      exist is None.
    """
    true, names = np.asarray(labels).astype(bool), np.asarray(patients)
    own, found = np.asarray(ours, np.float64), dict[str, dict | None]()
    for name, scores in {**others, CHANCE: np.zeros(len(true))}.items():
        other = np.full(len(true), np.nan) if scores is None else np.asarray(scores, np.float64)
        known = ~np.isnan(other)
        found[name] = (
            _beside(own[known], other[known], true[known], names[known]) if known.any() else None
        )
    return found


def _beside(ours: NDArray, other: NDArray, true: NDArray, patients: NDArray) -> dict:
    times = bootstrap.draw(patients)
    own, _ = bootstrap.auc_with_interval(ours, true, None)
    value, interval = bootstrap.auc_with_interval(other, true, times)
    difference = None
    if value is not None and times is not None:
        difference = bootstrap.interval_of_difference(
            bootstrap.auc(ours, true, times) - bootstrap.auc(other, true, times)
        )
    return {
        "n": len(true),
        "auc": value,
        "auc_ci95": interval,
        "difference": None if own is None or value is None else own - value,
        "difference_ci95": difference,
        "verdict": bootstrap.verdict(difference),
    }
