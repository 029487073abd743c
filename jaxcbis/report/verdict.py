"""A run in a few sentences, and what a reader must know before believing them."""

from collections import Counter

from jaxcbis.labels import LABELS
from jaxcbis.report import paper
from jaxcbis.report.tables import (
    BASELINES,
    against_blind_maps,
    has_random_weights,
    is_demo,
    map_method,
    pointing_against_blind_maps,
)


def verdict(results: dict) -> list[str]:
    """Sentences on classification, on localisation and, where lesions were covered, on that.

    Args:
      results: content of results.json.
    """
    test = results.get("test")
    if not test or not test["n"]:
        return ["The run has not been tested, so it has no verdict yet."]
    located = _localization(results.get("localization"), results["config"])
    covered = _covering(results.get("covering"))
    return [_classification(results, test), located, *covered]


def warnings(results: dict) -> list[str]:
    """What limits the figures: demo data, random weights, label normalisation, leakage, drops.

    Args:
      results: content of results.json.
    """
    data = results.get("data") or {}
    found = []
    if results.get("status") == "interrupted":
        found.append("The run was interrupted; its figures are not final.")
    if is_demo(results):
        found.append(
            "Demo data: these are generated phantoms. The figures show that the chain works and "
            "say nothing about mammograms."
        )
    if has_random_weights(results):
        found.append("Random weights: nothing was transferred, the backbone started untrained.")
    test, without = results.get("test"), results.get("test_without_label_normalization")
    if test and without and without["accuracy"] is not None:
        found.append(
            "Label normalisation: as in the paper, each test patch was normalised with the "
            "statistics of its true class, which nobody has in practice. Without it the accuracy "
            f"is {without['accuracy']:.2f} instead of {test['accuracy']:.2f}."
        )
    leakage = data.get("leakage") or {}
    if leakage.get("test_items_affected"):
        found.append(
            f"Leakage: {leakage['patients_in_train_and_test']} patients are in both the train and "
            f"the test set, which touches {leakage['test_items_affected']} test patches."
        )
    if dropped := data.get("dropped"):
        reasons = Counter(item["reason"] for item in dropped).most_common()
        found.append(
            f"Dropped: {len(dropped)} patches ("
            + ", ".join(f"{count} x {reason}" for reason, count in reasons)
            + ")."
        )
    return found


def _classification(results: dict, test: dict) -> str:
    config, interval = results["config"], test["accuracy_ci95"]
    accuracy = f"{test['accuracy']:.2f}"
    if interval:
        accuracy += f" (95 % interval {interval[0]:.2f} to {interval[1]:.2f})"
    supports = [test["per_class"][label]["support"] for label in LABELS]
    sentence = (
        f"{config['backbone']} trained with {config['strategy']} reaches an accuracy of {accuracy} "
        f"on {test['n']} test patches, where always answering "
        f"{LABELS[supports.index(max(supports))]} would reach {max(supports) / test['n']:.2f}"
    )
    published = paper.row_of(config)
    comparable = config["protocol"] == "paper" and not is_demo(results) and all(supports)
    if published and interval and comparable:
        low, high = interval
        place = "above" if published.accuracy > high else "below"
        if low <= published.accuracy <= high:
            place = "inside"
        sentence += f"; the paper's {published.accuracy:.2f} lies {place} the interval"
    return sentence + "."


def _localization(found: dict | None, config: dict) -> str:
    if not found or found["ll_score"] is None:
        return "Localisation is not scored: no lesion was classified correctly."
    reached = f"Its {map_method(config)} maps reach an LL score of {found['ll_score']:.2f}"
    if said := against_blind_maps(found):
        pointing = pointing_against_blind_maps(found)
        then = pointing and f" Their pointing game is {found['pointing_game']:.2f}: {pointing}."
        return f"{reached}: {said}.{then}"
    values = {key: value for key, value in found["baselines"].items() if key != "grid_ceiling"}
    best, value = max(values.items(), key=lambda item: item[1])
    return (
        f"{reached}; the best map made without a model, {BASELINES[best]}, reaches {value:.2f}, "
        "and whether that is within noise is not known."
    )


def _covering(found: dict | None) -> list[str]:
    if not found or found["lesion_auc_intact"] is None:
        return []
    return [
        "Lesions are told from background with an AUC of "
        f"{found['lesion_auc_intact']:.2f}; with the lesion covered it is "
        f"{found['lesion_auc_covered']:.2f}{_change(found['covered_less_intact'])}, with as much "
        f"covered elsewhere {found['lesion_auc_elsewhere']:.2f}"
        f"{_change(found['elsewhere_less_intact'])}.{_use(found.get('covered_less_elsewhere'))}"
    ]


def _use(covered_less_elsewhere: dict | None) -> str:
    """What the two say together; nothing of results from before they were compared."""
    if not covered_less_elsewhere or covered_less_elsewhere["ci95"] is None:
        return ""
    told = f" Between the two lies {covered_less_elsewhere['difference']:+.2f}"
    low, high = covered_less_elsewhere["ci95"]
    interval = f"95 % interval {low:+.2f} to {high:+.2f}"
    if high < 0:
        return f"{told} ({interval}): the model uses the lesion."
    return f"{told} ({interval}): it is not shown that the model uses the lesion."


def _change(of: dict) -> str:
    if of["ci95"] is None:
        return ""
    low, high = of["ci95"]
    return f" (change {of['difference']:+.2f}, 95 % interval {low:+.2f} to {high:+.2f})"
