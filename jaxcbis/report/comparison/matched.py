"""The gallery of several runs: a patch once, whatever the runs' image sizes, with every answer."""

import base64
from collections.abc import Sequence
from typing import Any

import numpy as np

from jaxcbis.labels import LABELS
from jaxcbis.report.comparison import patches
from jaxcbis.report.comparison.patches import Tested
from jaxcbis.report.figures.overlay import INFERNO


def gallery_of(runs: Sequence[Tested]) -> dict | None:
    """All test patches of the runs that have a picture.

    Patches are matched by id, patient and true class. Answers to one crop share its largest
    picture; a run that cuts the patch in another way has its own.

    Returns:
      What comparison.js reads: {'labels', 'runs', 'colours', 'patches': [{'id', 'link', 'patient',
      'label', 'pictures': [{'image', 'outline'}], 'answers': [{'probabilities', 'iou', 'map',
      'grid', 'picture'} or None]}]}; None where no run has pictures. 'link' names a patch in the
      page's address, 'picture' counts in 'pictures'.
    """
    found: dict[tuple, dict[str, Any]] = {}
    owners: dict[tuple, list[int]] = {}  # of each picture the run that it is of
    repeats: dict[str, int] = {}
    for k, run in enumerate(runs):
        for name, item in run.pictures.items():
            key = patches.identity(run, name)
            if key not in found:
                repeat = repeats[name] = repeats.get(name, -1) + 1
                found[key] = {
                    "id": name,
                    "link": f"{name}~{repeat}" if repeat else name,
                    "patient": key[1],
                    "label": key[2],
                    "pictures": [],
                    "answers": [None] * len(runs),
                }
                owners[key] = []
            patch, of_pictures = found[key], owners[key]
            picture = _picture(runs, k, name, of_pictures)
            shown = {"image": item["image"], "outline": item["outline"]}
            if picture == len(of_pictures):
                of_pictures.append(k)
                patch["pictures"].append(shown)
            elif run.pixels[name] > runs[of_pictures[picture]].pixels[name]:
                of_pictures[picture] = k
                patch["pictures"][picture] = shown
            patch["answers"][k] = _answer(run, name) | {"picture": picture}
    if not found:
        return None
    return {
        "labels": LABELS,
        "runs": [run.run.name for run in runs],
        "colours": base64.b64encode(INFERNO.tobytes()).decode("ascii"),
        "patches": list(found.values()),
    }


def _picture(runs: Sequence[Tested], k: int, name: str, owners: Sequence[int]) -> int:
    """Which of a patch's pictures shows the crop of run k; one more than there are for none."""
    for picture, owner in enumerate(owners):
        protocols = {runs[of].run.results["config"]["protocol"] for of in (k, owner)}
        if len(protocols) == 1 and patches.same(runs[owner], runs[k], name):
            return picture
    return len(owners)


def _answer(run: Tested, name: str) -> dict[str, Any]:
    answers = run.run.answers
    assert answers is not None, "it has rows"
    row = run.rows[name]
    iou = answers.iou[row]
    return {
        "probabilities": answers.probabilities[row].tolist(),
        "iou": None if np.isnan(iou) else float(iou),
        "map": run.pictures[name]["map"],
        "grid": run.grid,
    }
