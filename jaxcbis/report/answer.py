"""What a run found, in the few lines that its command ends with."""

from jaxcbis.labels import LABELS
from jaxcbis.report import paper
from jaxcbis.report.tables import has_random_weights, is_demo, number, run_name


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
      what needs no model, and the paper's; and how well the maps meet the lesions.
    """
    test, without = results["test"], results.get("test_without_label_normalization")
    accuracy = _figure(test, "accuracy")
    if without:
        accuracy += f", {_figure(without, 'accuracy')} without label normalisation"
    label, share = _commonest(test)
    baseline = f"{share:.2f} by always answering {label}"
    if (published := paper_accuracy(results)) is not None:
        baseline += f"; the paper reports {published:.2f}"
    return {"Accuracy": accuracy, "Baseline": baseline, "Maps": _maps(results["localization"])}


def paper_accuracy(results: dict) -> float | None:
    """The paper's accuracy, where this run's may be held against it; else None."""
    supports = [row["support"] for row in results["test"]["per_class"].values()]
    comparable = results["config"]["protocol"] == "paper" and not is_demo(results) and all(supports)
    published = paper.row_of(results["config"])
    return published.accuracy if published and comparable else None


def model_free(found: dict) -> tuple[float, str | None] | None:
    """The best LL score of a map made without a model, and what the run's maps are beside it.

    Args:
      found: 'localization' of results.json.

    Returns:
      The score and a verdict of `bootstrap.verdict`, None where there is none; None where nothing
      was scored.
    """
    against = found.get("against_baselines") or {}
    scores = {
        key: value
        for key, value in found["baselines"].items()
        if key != "grid_ceiling" and value is not None
    }
    if not scores:
        return None
    best = max(scores, key=lambda key: scores[key])
    return scores[best], against.get(best, {}).get("verdict")


def _maps(found: dict) -> str:
    best = model_free(found)
    if found["ll_score"] is None or best is None:
        return "not scored: no lesion was classified correctly"
    score, verdict = best
    beside = {"better": "better than", "worse": "worse than", "within noise": "within noise of"}
    said = beside.get(verdict or "", "beside")
    scored = _figure(found, "ll_score")
    return f"LL {scored}, {said} the best model-free map, {number(score)}"


def _figure(found: dict, name: str) -> str:
    """A figure with its interval."""
    interval = found.get(f"{name}_ci95")
    return number(found[name]) + (
        "" if interval is None else " ({:.2f} to {:.2f})".format(*interval)
    )


def _commonest(test: dict) -> tuple[str, float]:
    """The class with most test patches, and the accuracy of always answering it."""
    supports = {label: test["per_class"][label]["support"] for label in LABELS}
    label = max(supports, key=lambda name: supports[name])
    return label, supports[label] / test["n"]
