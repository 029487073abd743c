"""Train and validation, drawn from the official train split."""

import warnings

import numpy as np

VALIDATION_SHARE = 0.15
#: Fixed, so that every run and every framework validates on the same patches.
SPLIT_SEED = 0
#: Of which the validation share is a whole number.
FOLDS = 20


def stratified(labels: np.ndarray) -> np.ndarray:
    """Draws validation patches at random, the same share of every class.

    Args:
      labels: [n] class indices; a class of one patch stays in train.

    Returns:
      bool [n], true for validation.
    """
    rng = np.random.default_rng(SPLIT_SEED)
    validation = np.zeros(len(labels), bool)
    for label in np.unique(labels):
        members = rng.permutation(np.flatnonzero(labels == label))
        validation[members[: round(VALIDATION_SHARE * len(members))]] = True
    return validation


def grouped(labels: np.ndarray, patients: np.ndarray) -> np.ndarray:
    """Draws validation patches patient by patient, as nearly the same share of every class.

    Args:
      labels: [n] class indices.
      patients: [n]; all patches of one lie on the same side.

    Returns:
      bool [n], true for validation; none where no class has two patches.
    """
    from sklearn.model_selection import StratifiedGroupKFold  # takes seconds to import

    validation = np.zeros(len(labels), bool)
    folds = min(FOLDS, np.bincount(labels).max(initial=0), len(np.unique(patients)))
    if folds < 2:
        return validation
    splitter = StratifiedGroupKFold(folds, shuffle=True, random_state=SPLIT_SEED)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # of classes with fewer patches than folds
        parts = [members for _, members in splitter.split(labels, labels, patients)]
    for members in parts[: max(round(VALIDATION_SHARE * folds), 1)]:
        validation[members] = True
    return validation


def overlapping(train_patients: np.ndarray, test_patients: np.ndarray) -> np.ndarray:
    """Which test items are of patients in train: bool [len(test_patients)]."""
    return np.isin(test_patients, train_patients)


def held_out(train_patients: np.ndarray, validation_patients: np.ndarray) -> list[str] | None:
    """The patients who validate, in order; None where some of them are in train as well."""
    if overlapping(train_patients, validation_patients).any():
        return None
    return np.unique(validation_patients).tolist()


def leakage(train_patients: np.ndarray, test_patients: np.ndarray) -> dict[str, int]:
    """Counts patients on both sides of the official split, and the test items that are theirs."""
    shared = np.intersect1d(train_patients, test_patients)
    affected = int(overlapping(train_patients, test_patients).sum())
    return {"patients_in_train_and_test": len(shared), "test_items_affected": affected}
