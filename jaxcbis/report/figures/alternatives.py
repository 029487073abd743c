"""Which figures a run has, and what each says to those who cannot see it."""

from jaxcbis.labels import LABELS

#: The picture of covered lesions, which cannot be drawn again from results alone.
COVERING = "covering"


def of(results: dict, *, answers: bool) -> dict[str, str]:
    """Alternative texts of a run's figures, by name.

    Args:
      results: content of results.json.
      answers: whether predictions.csv is there, too, as ROC and precision-recall curves need it.

    Returns:
      Of confusion, roc, precision_recall, reliability, training and localization those that the
      run has figures for.
    """
    test, found = results.get("test"), {}
    if test and test["n"]:
        found["confusion"] = _confusion(test)
        if answers:
            found["roc"] = _roc(test)
            found["precision_recall"] = "Precision by recall of each class against the rest."
        if (test.get("calibration") or {}).get("bins"):
            found["reliability"] = (
                "Share of right answers by the probability of the predicted class; expected "
                f"calibration error {test['calibration']['ece']:.3f}."
            )
    if results.get("history"):
        found["training"] = _training(results.get("best"))
    if (results.get("localization") or {}).get("ll_score") is not None:
        found["localization"] = (
            f"LL score {results['localization']['ll_score']:.3f} beside blind maps, "
            "and by threshold; the localisation table holds the same figures."
        )
    return found


def covering(found: dict) -> str:
    """Of COVERING.

    Args:
      found: 'covering' of results.json.
    """
    return (
        "A few test lesions as they are, with the lesion covered, with as much covered elsewhere, "
        f"and with their maps; of all {found['n']} the table on covering tells the AUC."
    )


def _confusion(test: dict) -> str:
    return (
        "Confusion matrix, rows true class, columns predicted class, beside the paper's where it "
        f"has one; share that is right: {_by_class(test, 'recall')}. The confusion table holds all "
        "shares."
    )


def _roc(test: dict) -> str:
    return f"ROC curve of each class against the rest; areas: {_by_class(test, 'auc')}."


def _training(best: dict | None) -> str:
    text = "Loss and accuracy of train and validation set per epoch of each phase."
    if best:
        text += f" Best: phase {best['phase']}, epoch {best['epoch']}, loss {best['val_loss']:.3f}."
    return text


def _by_class(test: dict, key: str) -> str:
    values = ((label, test["per_class"][label][key]) for label in LABELS)
    return ", ".join(f"{label} {value:.2f}" for label, value in values if value is not None)
