"""The answer in four figures, each with its interval, its blind baseline and the paper's value."""

from typing import NamedTuple

from jaxcbis.labels import LABELS
from jaxcbis.report import paper
from jaxcbis.report.tables import (
    BASELINES,
    NONE,
    Blind,
    against_blind_maps,
    is_demo,
    map_words,
    number,
    pointing_against_blind_maps,
    scored_maps,
)

#: What every constant answer reaches.
_CHANCE = "0.50, the same answer to every patch"
_UNREPORTED = "not reported"


class Tile(NamedTuple):
    """One figure.

    Attributes:
      name: of the figure.
      value: of the run.
      interval: its 95 % interval, in words.
      blind: the best that is reached without seeing an image.
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

    Where the protocol normalises without labels, malignant or benign stands in the second place;
    where lesions lie anywhere, the pointing game stands in that of the LL score.

    Args:
      results: content of results.json.

    Returns:
      Four; none of a run that was not tested, three of one without lesions to localise.
    """
    test = results.get("test")
    if not test or not test["n"]:
        return []
    return [_accuracy(results), _second(results), _auc(results), *_localization(results)]


def not_comparable(results: dict) -> str:
    """Why the paper's figures cannot stand beside the run's; '' where they can."""
    config, test = results["config"], results["test"]
    if paper.row_of(config) is None:
        return "no such model there"
    if is_demo(results):
        return "demo data"
    if config["protocol"] != "paper":
        return "another protocol"
    tested = sum(test["per_class"][label]["support"] > 0 for label in LABELS)
    return "" if tested == len(LABELS) else f"{tested} of its {len(LABELS)} classes tested here"


def majority(test: dict) -> tuple[str, float]:
    """The best constant answer to a test set, and its accuracy."""
    label = max(LABELS, key=lambda each: test["per_class"][each]["support"])
    return label, test["per_class"][label]["support"] / test["n"]


def _accuracy(results: dict) -> Tile:
    test, published = results["test"], paper.row_of(results["config"])
    return Tile(
        "Accuracy", *_figure(test, "accuracy"), _always(test),
        _papers(results, published and published.accuracy),
    )  # fmt: skip


def _second(results: dict) -> Tile:
    without = results.get("test_without_label_normalization")
    if without:
        return Tile(
            "Accuracy without label normalisation", *_figure(without, "accuracy"), _always(without),
            f"{_UNREPORTED}: it always normalises with the label",
        )  # fmt: skip
    return Tile(
        "AUC, malignant or benign", *_figure(results["test"], "malignancy_auc"), _CHANCE,
        _UNREPORTED, "Among lesions. The accuracy needs no correction: no label normalisation.",
    )  # fmt: skip


def _auc(results: dict) -> Tile:
    test, published = results["test"], paper.row_of(results["config"])
    told = "no such model there"
    if published:
        told = f"{number(published.auc_mean)} of hard labels (here {number(test['auc_hard_mean'])})"
        if reason := not_comparable(results):
            told += f", not comparable: {reason}"
    return Tile("Mean AUC", *_figure(test, "auc_mean"), _CHANCE, told)


def _localization(results: dict) -> list[Tile]:
    found, config = results.get("localization"), results["config"]
    if not found:
        return []
    lesions = f"{found['n_scored']} correctly classified lesions."
    if config["protocol"] == "shifted" and (blind := pointing_against_blind_maps(found)):
        figure = _figure(found, "pointing_game")
        return [
            Tile(
                "Pointing game",
                *figure,
                _beside(blind),
                f"{_UNREPORTED}, only LL",
                f"{map_words(config)}; {lesions}",
            )
        ]
    published = paper.row_of(config)
    told = _papers(results, published and published.ll_score)
    if published:
        told += ", threshold not stated"
    return [
        Tile(
            "LL score",
            *_figure(found, "ll_score"),
            _best_map(found),
            told,
            f"{scored_maps(results)}; {lesions}",
        )
    ]


def _best_map(found: dict) -> str:
    if blind := against_blind_maps(found):
        return _beside(blind)
    known = {key: found["baselines"].get(key) for key in BASELINES if key != "grid_ceiling"}
    reached = {key: value for key, value in known.items() if value is not None}
    if not reached:
        return NONE
    best = max(reached, key=lambda key: reached[key])
    return f"{number(reached[best])}, {BASELINES[best]}"


def _beside(blind: Blind) -> str:
    return f"{number(blind.value)}, {blind.name}; the run is {blind.verdict}"


def _always(test: dict) -> str:
    label, share = majority(test)
    return f"{number(share)}, always {label}"


def _papers(results: dict, value: float | None) -> str:
    reason = not_comparable(results)
    if value is None:
        return reason
    return f"{number(value)}, not comparable: {reason}" if reason else number(value)


def _figure(found: dict, name: str) -> tuple[str, str]:
    interval = found.get(f"{name}_ci95")
    return number(found.get(name)), f"{interval[0]:.2f} to {interval[1]:.2f}" if interval else NONE
