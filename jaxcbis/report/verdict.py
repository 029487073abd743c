"""A run in a few sentences, and what a reader must know before believing them."""

from collections import Counter
from collections.abc import Sequence

from jaxcbis.report import tiles
from jaxcbis.report.blind import (
    NO_MASKS,
    against_blind_maps,
    best_known,
    pointing_against_blind_maps,
    unscored,
    without_masks,
)
from jaxcbis.report.tables import backbone_name, has_random_weights, is_demo, map_method


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
    data, found = results.get("data") or {}, limits_of_all(results)
    test, without = results.get("test"), results.get("test_without_label_normalization")
    if test and without and without["accuracy"] is not None:
        found.append(
            "Label normalisation: as in the paper, each test patch was normalised with the "
            "statistics of its true class, which nobody has in practice. Without it the accuracy "
            f"is {without['accuracy']:.2f} instead of {test['accuracy']:.2f}."
        )
    leakage = data.get("leakage") or {}
    if leakage.get("test_items_affected"):
        patients, patches = leakage["patients_in_train_and_test"], leakage["test_items_affected"]
        found.append(
            f"Leakage: {patients} patient{'s are' if patients != 1 else ' is'} in both the train "
            f"and the test set, which touches {patches} test patch{'es' * (patches != 1)}."
        )
    return [*found, *dropped(data, "patch", "patches")]


def limits_of_all(results: dict) -> list[str]:
    """What limits the figures of any run, of patches or of mammograms.

    Args:
      results: content of results.json.
    """
    found = []
    if results.get("status") == "interrupted":
        found.append("The run was interrupted; its figures are not final.")
    if is_demo(results):
        found.append(
            "Demo data: these are generated phantoms. The figures show that the chain works and "
            "say nothing about mammograms."
        )
    if has_random_weights(results):
        found.append("Random weights: nothing was transferred, the network started untrained.")
    return found


def dropped(data: dict, thing: str, things: str) -> list[str]:
    """What of the data could not be used and why, in one sentence if there is anything.

    Args:
      data: of results.json.
      thing, things: what the data hold, in the singular and the plural.
    """
    items = data.get("dropped")
    if not items:
        return []
    what = thing if len(items) == 1 else things
    return [f"Dropped: {len(items)} {what} ({reasons(items)})."]


def reasons(items: Sequence[dict]) -> str:
    """The 'reason' of items and how often each occurs: '3 x no mask file, 1 x no image'."""
    counted = Counter(item["reason"] for item in items).most_common()
    return ", ".join(f"{count} x {reason}" for reason, count in counted)


def _classification(results: dict, test: dict) -> str:
    config, interval = results["config"], test["accuracy_ci95"]
    label, share = tiles.majority(test)
    sentence = (
        f"{backbone_name(config)} trained with {config['strategy'].upper()} reaches an accuracy of "
        f"{test['accuracy']:.2f} on {test['n']} test patches; always answering {label} "
        f"would reach {share:.2f}"
    )
    published = tiles.paper_accuracy(results)
    if published is not None and interval:
        low, high = interval
        place = "above" if published > high else "below"
        if low <= published <= high:
            place = "inside"
        sentence += f". The paper's {published:.2f} lies {place} the 95 % interval"
    return sentence + "."


def _localization(found: dict | None, config: dict) -> str:
    if without_masks(found):
        return f"{NO_MASKS.capitalize()}."
    if not found or found["ll_score"] is None:
        return f"Localisation is not scored: {unscored(found)}."
    reached = f"Its {map_method(config)} maps reach an LL score of {found['ll_score']:.2f}"
    if blind := against_blind_maps(found):
        told = f"{reached}, {blind.beside} the best blind map ({blind.name}, {blind.value:.2f})."
        if pointing := pointing_against_blind_maps(found):
            told += (
                f" They peak on the lesion in {_percent(found['pointing_game'])} of the correctly "
                f"classified ones, {pointing.beside} the best blind map ({pointing.name}, "
                f"{_percent(pointing.value)})."
            )
        return told
    best = best_known(found)
    if best is None:
        return f"{reached}."
    return (
        f"{reached}; the best blind map, {best[0]}, reaches {best[1]:.2f}, and whether that is "
        "within noise is not known."
    )


def _covering(found: dict | None) -> list[str]:
    if not found or found["lesion_auc_intact"] is None:
        return []
    change = (
        f"takes the AUC of lesion against background from {found['lesion_auc_intact']:.2f} to "
        f"{found['lesion_auc_covered']:.2f}, covering as much beside it to "
        f"{found['lesion_auc_elsewhere']:.2f}."
    )
    between = found.get("covered_less_elsewhere") or {}
    if not (interval := between.get("ci95")):  # of one patient, or before the two were compared
        return [f"Covering the lesion {change}"]
    shown = "The model" if interval[1] < 0 else "It is not shown that the model"
    return [f"{shown} uses the lesion: covering it {change}"]


def _percent(share: float) -> str:
    return f"{100 * share:.0f} %"
