"""Train and validation, drawn from the official train split."""

import numpy as np

VALIDATION_SHARE = 0.15
#: Fixed, so that every run and every framework validates on the same patches.
SPLIT_SEED = 0


def stratified(labels: np.ndarray, share: float = VALIDATION_SHARE) -> np.ndarray:
    """Draws validation patches at random, the same share of every class.

    Args:
      labels: [n] class indices.
      share: of each class; a class of one patch stays in train.

    Returns:
      bool [n], true for validation.
    """
    rng = np.random.default_rng(SPLIT_SEED)
    validation = np.zeros(len(labels), bool)
    for label in np.unique(labels):
        members = rng.permutation(np.flatnonzero(labels == label))
        validation[members[: round(share * len(members))]] = True
    return validation


def leakage(train_patients: np.ndarray, test_patients: np.ndarray) -> dict[str, int]:
    """Counts patients on both sides of the official split, and the test items that are theirs."""
    shared = np.intersect1d(train_patients, test_patients)
    affected = int(np.isin(test_patients, shared).sum())
    return {"patients_in_train_and_test": len(shared), "test_items_affected": affected}
