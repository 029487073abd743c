"""What a run found, in the few lines that its command ends with."""

from jaxcbis.report import tiles
from jaxcbis.report.blind import (
    NO_MASKS,
    against_blind_maps,
    pointing_against_blind_maps,
    unscored,
    without_masks,
)
from jaxcbis.report.tables import has_random_weights, in_words, is_demo, number, run_name


def headline(results: dict) -> str:
    """Which run the lines are about, in at most 80 columns."""
    return f"{run_name(results)}: {results['test']['n']} test patches, 95 % intervals in brackets"


def warnings(results: dict) -> list[str]:
    """What must be known before believing a figure, in lines of at most 80 columns."""
    said = []
    if is_demo(results):
        said.append("DEMO DATA: synthetic phantoms; the figures say nothing about mammograms")
    if has_random_weights(results):
        said.append("RANDOM WEIGHTS: nothing was transferred, the backbone began untrained")
    return said


def lines(results: dict) -> dict[str, str]:
    """The answer, each line under its label.

    Args:
      results: content of the results.json of a finished run.

    Returns:
      By label a text of at most 71 columns: the accuracy, with label normalisation and without;
      what a blind answer reaches, and the paper; and how well the maps meet the lesions.
    """
    test, without = results["test"], results.get("test_without_label_normalization")
    accuracy = in_words(test)
    if without:
        accuracy += f", {in_words(without)} without label normalisation"
    label, share = tiles.majority(test)
    blind = f"{share:.2f} by always answering {label}"
    if (published := tiles.paper_accuracy(results)) is not None:
        blind += f"; the paper reports {published:.2f}"
    return {"Accuracy": accuracy, "Blind": blind, "Maps": _maps(results)}


def _maps(results: dict) -> str:
    """The pointing game where lesions lie anywhere and it is known, and else the LL score."""
    found = results["localization"]
    if without_masks(found):
        return NO_MASKS
    name, key, blind = "LL score", "ll_score", against_blind_maps(found)
    pointing = pointing_against_blind_maps(found)
    if results["config"]["protocol"] == "shifted" and pointing:
        name, key, blind = "pointing game", "pointing_game", pointing
    if found[key] is None:
        return f"not scored: {unscored(found)}"
    said = f"{name} {in_words(found, key)}"
    if blind:
        said += f", best blind map {number(blind.value)}"
        said += f": {blind.verdict or 'no verdict'}"
    return said
