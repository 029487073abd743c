"""Intensities with mean 0 and deviation 1: over all patches, or class by class as in the paper."""

from typing import NamedTuple

import numpy as np

from jaxcbis.labels import LABELS

#: Of a patch set that is one flat colour; keeps the division finite.
SMALLEST_DEVIATION = 1e-3


class Statistics(NamedTuple):
    """Mean and deviation of intensities (0 to 1) in the train split.

    Attributes:
      mean, deviation: over all patches.
      class_mean, class_deviation: float32 [5]; a class without patches has those of all.
    """

    mean: float
    deviation: float
    class_mean: np.ndarray
    class_deviation: np.ndarray


def to_json(statistics: Statistics) -> dict:
    """The statistics as JSON values, from which `from_json` makes the same ones."""
    return {key: np.asarray(value).tolist() for key, value in statistics._asdict().items()}


def from_json(values: dict) -> Statistics:
    """What `to_json` was given."""
    of_classes = (np.array(values[key], np.float32) for key in ("class_mean", "class_deviation"))
    return Statistics(values["mean"], values["deviation"], *of_classes)


def measure(images: np.ndarray, labels: np.ndarray) -> Statistics:
    """Measures uint8 or uint16 images [n, size, size] of the train split."""
    mean, deviation = _moments(images)
    class_mean = np.full(len(LABELS), mean, np.float32)
    class_deviation = np.full(len(LABELS), deviation, np.float32)
    for label in np.unique(labels):
        class_mean[label], class_deviation[label] = _moments(images[labels == label])
    return Statistics(mean, deviation, class_mean, class_deviation)


def normalize(
    images: np.ndarray, statistics: Statistics, labels: np.ndarray | None = None
) -> np.ndarray:
    """Normalises uint8 or uint16 images [n, size, size] to float32 [n, size, size, 1].

    Args:
      images: grey patches.
      statistics: of the train split.
      labels: true classes [n], to normalise every image by its own class as the paper does, which
        tells the model something of the answer; None to use one mean and deviation for all.
    """
    if labels is None:
        mean, deviation = np.float32(statistics.mean), np.float32(statistics.deviation)
    else:
        mean = statistics.class_mean[labels][:, None, None, None]
        deviation = statistics.class_deviation[labels][:, None, None, None]
    scaled = images[..., None].astype(np.float32)
    scaled /= np.iinfo(images.dtype).max
    scaled -= mean
    scaled /= deviation
    return scaled


def _moments(images: np.ndarray) -> tuple[float, float]:
    # Exact from the histogram of all levels, with no float copy of all the pixels.
    highest = np.iinfo(images.dtype).max
    counts = np.bincount(images.ravel(), minlength=highest + 1).astype(np.float64)
    levels = np.arange(highest + 1) / highest
    mean = float(counts @ levels / counts.sum())
    variance = float(counts @ np.square(levels - mean) / counts.sum())
    return mean, max(variance**0.5, SMALLEST_DEVIATION)
