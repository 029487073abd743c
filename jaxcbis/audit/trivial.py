"""Classifiers that see no lesion: what the way of cutting gives away."""

import numpy as np
from sklearn.linear_model import LogisticRegression
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

from jaxcbis.data.patches import Patches
from jaxcbis.evaluation import metrics
from jaxcbis.labels import LABELS


def baselines(train: Patches, test: Patches) -> dict[str, dict]:
    """Logistic regressions on figures of the crop as a whole.

    Args:
      train: patches to fit on.
      test: patches to answer.

    Returns:
      By name ('intensity': mean and deviation of the pixels; 'size': width and height of the crop
      in the mammogram; 'both') what `metrics.classification` returns. Without known sizes only the
      first.
    """
    sides = {"train": _figures(train), "test": _figures(test)}
    chosen = {"intensity": slice(0, 2), "size": slice(2, 4), "both": slice(0, 4)}
    if not (train.sizes.all() and test.sizes.all()):
        chosen = {"intensity": chosen["intensity"]}
    found = {}
    for name, columns in chosen.items():
        model = make_pipeline(StandardScaler(), LogisticRegression(max_iter=1000))
        model.fit(sides["train"][:, columns], train.labels)
        probabilities = np.zeros((len(test), len(LABELS)))
        probabilities[:, model.classes_] = model.predict_proba(sides["test"][:, columns])
        found[name] = metrics.classification(test.labels, probabilities, test.patients)
    return found


def _figures(patches: Patches) -> np.ndarray:
    """float64 [n, 4]: mean and deviation of intensity, width and height."""
    flat = patches.images.reshape(len(patches), -1) / np.iinfo(patches.images.dtype).max
    return np.column_stack([flat.mean(1), flat.std(1), patches.sizes])
