"""What a mammogram run found, in a few sentences, and what limits it."""

from typing import Any

from jaxcbis.evaluation.bootstrap import BETTER, WITHIN_NOISE, WORSE
from jaxcbis.report import verdict
from jaxcbis.report.tables import NONE, backbone_name, in_words

#: Levels at which a run is scored, by their keys in results.json.
LEVELS = {"view": "per view", "breast": "per breast", "patient": "per patient"}
#: Operating points, by their names in results.json.
POINTS = {
    "youden": "Youden's index",
    "sensitivity_90": "90 % sensitivity",
    "specificity_80": "80 % specificity",
}
#: Scores of the same test views that a run is held against, the strongest first.
BASELINES = {
    "imagenet_start": "start from ImageNet",
    "sweep_maximum": "patch run's sweep",
    "breast_area": "breast area",
    "mean_intensity": "mean intensity",
    "chance": "chance",
}
#: Ways to point without a model, by their keys in results.json.
BLIND = {"random": "a random point of the breast", "centre": "the breast's centre"}
#: What notes begin with that tell of patients whom the patch run may have seen, and of a patch run
#: to which nothing was transferred.
SEEN, UNTAUGHT = "--from patch:", "the patch run itself began with random weights"
#: What a run is there to beat, in the order in which the answer names them; and what stands in
#: their place where a run has neither.
_RIVALS = ("sweep_maximum", "imagenet_start")
_TRIVIAL = ("breast_area", "mean_intensity")
_STARTS = {
    "patch": "from the patch run",
    "imagenet": "from ImageNet",
    "random": "from random weights",
}


def heading(results: dict) -> str:
    """What a page on the run is headed by, e.g. 'Mammograms: ResNet50, 1152 x 896, seed 0'."""
    return f"Mammograms: {run_name(results)}, seed {results['config']['seed']}"


def run_name(results: dict) -> str:
    """Backbone, size and start in a few words."""
    config, runs = results["config"], results.get("patch_runs") or []
    names = dict.fromkeys(backbone_name(run) for run in runs)
    model = " and ".join(names) or "whole-image classifier"
    if len(runs) > 1:
        model = f"{len(runs)} runs of {model}"
    return f"{model}, {config['height']} x {config['width']}, {_STARTS[config['start']]}"


def what(results: dict) -> str:
    """Which data the run is of, in one sentence."""
    data, config = results.get("data") or {}, results["config"]
    splits = data.get("splits") or {}
    sentence = str(data.get("name") or "no data")
    if "train" in splits and "test" in splits:
        train, test = (splits[name]["total"] for name in ("train", "test"))
        sentence += f": {train} views to train, {test} to test"
    return f"{sentence}, {config['height']} x {config['width']} pixels."


def level(results: dict, name: str) -> dict:
    """The figures of one of LEVELS; empty where the run was not tested."""
    return (results.get("test") or {}).get(name) or {}


def sentences(results: dict) -> list[str]:
    """The answer: the AUC and what it is held against, then flips, then where the map peaks.

    Args:
      results: content of results.json.
    """
    of_views = level(results, "view")
    if not of_views:
        return ["The run has not been tested, so it has no answer yet."]
    if of_views["auc"] is None:
        answer = f"No AUC: all {of_views['n']} test views are of one class."
    else:
        against = ", ".join(_against(results))
        answer = f"AUC {_figure(of_views, 'auc', 'per view')}{against and f': {against}'}."
    flips = (results.get("test_flips") or {}).get("view") or {}
    if flips.get("auc") is None:
        return [answer, pointing(results)]
    return [answer, f"With flips averaged it is {in_words(flips, 'auc')}.", pointing(results)]


def pointing(results: dict) -> str:
    """How often the map peaks in a malignant lesion, beside blind guesses and the sweep."""
    found = results.get("localization") or {}
    if found.get("pointing_game") is None:
        return "No malignant test view has a mask, so nothing is said of where the model looks."
    beside = [
        f"{_than(found['over_blind'][key])} {name} ({blind(found, key):.2f})"
        for key, name in BLIND.items()
    ]
    said = (
        f"The map peaks in a malignant lesion in {_figure(found, 'pointing_game')} of "
        f"{found['n']} malignant views: {' and '.join(beside)}"
    )
    sweep = found.get("sweep") or {}
    if sweep.get("pointing_game") is not None:
        said += (
            f"; {_than(sweep)} the {BASELINES['sweep_maximum']} ({sweep['pointing_game']:.2f}; "
            f"difference {signed(sweep)})"
        )
    return f"{said}."


def _than(found: dict) -> str:
    """A verdict as it is said of the map's pointing: 'better than', 'within noise of'."""
    said = found["verdict"]
    if said is None:
        return "without a verdict against"
    return f"{said} {'of' if said == WITHIN_NOISE else 'than'}"


def blind(found: dict, name: str) -> float | None:
    """What a map reaches that is made without a model.

    Args:
      found: 'localization' of results.json.
      name: of BLIND.
    """
    return (found.get("blind") or {}).get(name)


def warnings(results: dict) -> list[str]:
    """What must be known before a figure is believed.

    Args:
      results: content of results.json.
    """
    data = results.get("data") or {}
    found = verdict.limits_of_all(results) + verdict.dropped(data, "view", "views")
    if assumed := data.get("assumed"):
        views = "view" if len(assumed) == 1 else "views"
        found.append(f"Assumed of {len(assumed)} {views}: {verdict.reasons(assumed)}.")
    for note in results.get("notes") or []:
        if note.startswith((SEEN, UNTAUGHT)):
            found.append(f"{note[0].upper()}{note[1:]}.")
    return found


def called_from(results: dict) -> float:
    """The probability from which on a view is called malignant, by Youden's index on validation.

    Where there is no such threshold it is 0.5.
    """
    chosen = _chosen(results)
    return 0.5 if chosen is None else chosen


def calling(results: dict) -> str:
    """The same in a sentence."""
    rule = "the operating point of Youden's index on the validation split"
    if _chosen(results) is None:
        rule = "since no operating point was chosen"
    on = called_from(results)
    return f"A view is called malignant from a probability of {on:.3f} on, {rule}."


def _chosen(results: dict) -> float | None:
    points = level(results, "view").get("operating_points") or []
    return next((point["threshold"] for point in points if point["name"] == "youden"), None)


def held_against(results: dict) -> dict[str, dict]:
    """What the run was held against, by the keys of BASELINES, where there is such a figure."""
    found = results.get("baselines") or {}
    return {key: found[key] for key in BASELINES if found.get(key)}


def signed(found: dict) -> str:
    """A difference and its 95 % interval: '+0.05 (+0.01 to +0.09)'.

    Args:
      found: holds 'difference' and 'difference_ci95'.
    """
    difference, interval = found.get("difference"), found.get("difference_ci95")
    if difference is None:
        return NONE
    spread = f" ({interval[0]:+.2f} to {interval[1]:+.2f})" if interval else ""
    return f"{difference:+.2f}{spread}"


def _against(results: dict) -> list[str]:
    found = held_against(results)
    rivals = [key for key in _RIVALS if key in found]
    if not rivals:
        known = [key for key in _TRIVIAL if found.get(key, {}).get("auc") is not None]
        rivals = sorted(known, key=lambda key: -found[key]["auc"])[:1]
    return [relation(found[key], f"the {BASELINES[key]}") for key in rivals]


def relation(found: dict[str, Any], name: str) -> str:
    """How the run stands to one of them, e.g. 'above the breast area by 0.05 (+0.01 to +0.09)'."""
    if found.get("difference") is None:
        return f"not held against {name}"
    for word, place in ((BETTER, "above"), (WORSE, "below")):
        if found["verdict"] == word:
            interval = "{:+.2f} to {:+.2f}".format(*found["difference_ci95"])
            return f"{place} {name} by {abs(found['difference']):.2f} ({interval})"
    if found["verdict"] is None:
        return f"{found['difference']:+.2f} against {name}, without an interval"
    return f"not shown to differ from {name}: {signed(found)}"


def _figure(found: dict, name: str, of: str = "") -> str:
    """A figure, what it is of, and its interval: '0.74 per view (0.69 to 0.79)'."""
    value, interval = found[name], found.get(f"{name}_ci95")
    spread = f"({interval[0]:.2f} to {interval[1]:.2f})" if interval else ""
    return " ".join(part for part in (f"{value:.2f}", of, spread) if part)
