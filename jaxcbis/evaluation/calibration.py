"""Whether a model is right as often as it says."""

import numpy as np
from numpy.typing import ArrayLike

#: Bins of equal width that confidences are sorted into.
BINS = 15


def calibration(labels: ArrayLike, probabilities: ArrayLike, bins: int = BINS) -> dict:
    """Compares the probability of the predicted class with how often it is the true one.

    Args:
      labels: [n] true class indices.
      probabilities: [n, classes].
      bins: of equal width over 0 to 1; a confidence on a bound belongs to the bin below it.

    Returns:
      {'ece', 'bins'}: the expected calibration error (Naeini et al., AAAI 2015), the mean over
      items of their bin's |accuracy - confidence|, None without items; and of every bin that holds
      any, {'low', 'high', 'n', 'confidence', 'accuracy'}.
    """
    labels, probabilities = np.asarray(labels), np.asarray(probabilities, dtype=np.float64)
    confidence = probabilities.max(axis=1, initial=0)
    correct = probabilities.argmax(axis=1) == labels
    bounds = np.linspace(0, 1, bins + 1)
    of_item = np.clip(np.searchsorted(bounds, confidence) - 1, 0, bins - 1)
    table = []
    for k in np.unique(of_item):
        members = of_item == k
        table.append(
            {
                "low": float(bounds[k]),
                "high": float(bounds[k + 1]),
                "n": int(members.sum()),
                "confidence": float(confidence[members].mean()),
                "accuracy": float(correct[members].mean()),
            }
        )
    error = sum(row["n"] * abs(row["accuracy"] - row["confidence"]) for row in table)
    return {"ece": error / len(labels) if len(labels) else None, "bins": table}
