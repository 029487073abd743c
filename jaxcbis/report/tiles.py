"""The answer in four figures, each with its interval, its blind baseline and the paper's value."""

from typing import NamedTuple

from jaxcbis.labels import LABELS
from jaxcbis.report import paper
from jaxcbis.report.blind import (
    Blind,
    against_blind_maps,
    best_known,
    pointing_against_blind_maps,
    without_masks,
)
from jaxcbis.report.tables import NONE, is_demo, map_words, number, scored_maps

#: What every constant answer reaches.
_CHANCE = "0.50, the same answer to every patch"
_UNREPORTED = "not reported"


class Tile(NamedTuple):
    """One figure.

    Attributes:
      name: of the figure.
      value: of the run.
      interval: its 95 % interval, in words; '' where it has none.
      blind: the best that is reached without a model.
      paper: what the paper reports, or why it cannot stand beside it.
      note: what a reader must know besides.
    """

    name: str
    value: str
    interval: str
    blind: str
    paper: str
    note: str = ""


def of(results: dict) -> list[Tile]:
    """Accuracy, accuracy without label normalisation, mean AUC and localisation of a run.

    Where the protocol normalises without labels, the malignancy AUC stands in the second place;
    where lesions lie anywhere, the pointing game stands in that of the LL score.

    Args:
      results: content of results.json.

    Returns:
      Four; none of a run that was not tested, three of one without masks to hold maps against.
    """
    test = results.get("test")
    if not test or not test["n"]:
        return []
    found = results.get("localization")
    located = [_localization(results)] if found and not without_masks(found) else []
    return [_accuracy(results), _second(results), _auc(results), *located]


def not_comparable(results: dict) -> str:
    """Why the paper's figures cannot stand beside the run's; '' where they can."""
    config, test = results["config"], results["test"]
    if paper.row_of(config) is None:
        return "it has no such model"
    if is_demo(results):
        return "demo data"
    if (results.get("data") or {}).get("name", paper.DATA) != paper.DATA:
        return "other data"
    if config["protocol"] != "paper":
        return "another protocol"
    tested = sum(test["per_class"][label]["support"] > 0 for label in LABELS)
    return "" if tested == len(LABELS) else f"{tested} of its {len(LABELS)} classes tested here"


def paper_accuracy(results: dict) -> float | None:
    """The paper's accuracy, where this run's may be held against it; else None."""
    published = paper.row_of(results["config"])
    return None if published is None or not_comparable(results) else published.accuracy


def majority(test: dict) -> tuple[str, float]:
    """The best constant answer to a test set, and its accuracy."""
    label = max(LABELS, key=lambda each: test["per_class"][each]["support"])
    return label, test["per_class"][label]["support"] / test["n"]


def _accuracy(results: dict) -> Tile:
    test, published = results["test"], paper.row_of(results["config"])
    theirs = published and number(published.accuracy)
    return Tile("Accuracy", *_figure(test, "accuracy"), _always(test), _papers(results, theirs))


def _second(results: dict) -> Tile:
    without = results.get("test_without_label_normalization")
    if without:
        name, figure = "Accuracy without label normalisation", _figure(without, "accuracy")
        theirs = f"{_UNREPORTED}: it always normalises with the label"
        return Tile(name, *figure, _always(without), theirs)
    figure = _figure(results["test"], "malignancy_auc")
    note = "Among lesions. The accuracy needs no correction here: no label normalisation."
    return Tile("Malignancy AUC", *figure, _CHANCE, _UNREPORTED, note)


def _auc(results: dict) -> Tile:
    test, published = results["test"], paper.row_of(results["config"])
    theirs = published and (
        f"{number(published.auc_mean)} of hard labels (here {number(test['auc_hard_mean'])})"
    )
    return Tile("Mean AUC", *_figure(test, "auc_mean"), _CHANCE, _papers(results, theirs))


def _localization(results: dict) -> Tile:
    found, config = results["localization"], results["config"]
    lesions = f"{found['n_scored']} correctly classified lesion{'s' * (found['n_scored'] != 1)}."
    if config["protocol"] == "shifted" and (blind := pointing_against_blind_maps(found)):
        name, figure = "Pointing game", _figure(found, "pointing_game")
        note = f"{map_words(config)}; {lesions}"
        return Tile(name, *figure, _beside(blind), f"{_UNREPORTED}, only LL", note)
    published = paper.row_of(config)
    theirs = published and f"{number(published.ll_score)} (threshold not stated)"
    name, figure = "LL score", _figure(found, "ll_score")
    note = f"{scored_maps(results)}; {lesions}"
    return Tile(name, *figure, _best_map(found), _papers(results, theirs), note)


def _best_map(found: dict) -> str:
    if blind := against_blind_maps(found):
        return _beside(blind)
    best = best_known(found)
    return f"{number(best[1])}, {best[0]}" if best else NONE


def _beside(blind: Blind) -> str:
    said = f"{number(blind.value)}, {blind.name}"
    return f"{said}; the run is {blind.verdict}" if blind.verdict else said


def _always(test: dict) -> str:
    label, share = majority(test)
    return f"{number(share)}, always {label}"


def _papers(results: dict, value: str | None) -> str:
    """The paper's value as it is told, and why it is no measure where it is none."""
    told = [value] if value else []
    if reason := not_comparable(results):
        told.append(f"not comparable: {reason}" if value else reason)
    return ", ".join(told)


def _figure(found: dict, name: str) -> tuple[str, str]:
    interval = found.get(f"{name}_ci95")
    return number(found.get(name)), f"{interval[0]:.2f} to {interval[1]:.2f}" if interval else ""
