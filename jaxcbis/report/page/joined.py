"""The gallery of a page: patches that runs have in common once, with every run's answer."""

import base64
from collections.abc import Sequence

import numpy as np

from jaxcbis.labels import LABELS
from jaxcbis.report.figures.overlay import INFERNO
from jaxcbis.report.page import gallery
from jaxcbis.report.page.folder import Run
from jaxcbis.report.tables import map_method


def gallery_of(runs: Sequence[Run]) -> dict | None:
    """All test patches of the runs, each with the answers of those that were tested on it.

    Returns:
      What the gallery's scripts read: {'labels', 'runs': [{'name', 'method', 'threshold'}],
      'colours', 'patches': [{'id', 'link', 'patient', 'view', 'label', 'image', 'outline',
      'answers': [{'probabilities', 'iou', and what `gallery.maps_of` returns} or None]}]}; None
      where no run has patches to show.

    Raises:
      UserError: a gallery.json is damaged.
    """
    patches: dict[tuple[str, int], dict] = {}
    pictures: dict[str, list[str]] = {}  # of one id there are several where runs cut differently
    for k, run in enumerate(runs):
        if run.answers is None or not (run.folder / "gallery.json").is_file():
            continue
        held, threshold = gallery.read(run.folder), _threshold(run)
        of_id = {item["id"]: item for item in held["patches"]}
        for name, patient, label, probabilities, iou in zip(*run.answers, strict=True):
            if (item := of_id.get(str(name))) is None:
                continue
            known = pictures.setdefault(item["id"], [])
            if item["image"] not in known:
                known.append(item["image"])
            repeat = known.index(item["image"])
            patch = patches.setdefault(
                (item["id"], repeat),
                {
                    "id": item["id"],
                    "link": f"{item['id']}~{repeat}" if repeat else item["id"],
                    "patient": str(patient),
                    "view": gallery.view_of(item["id"]),
                    "label": int(label),
                    "image": item["image"],
                    "outline": item["outline"],
                    "answers": [None] * len(runs),
                },
            )
            patch["answers"][k] = {
                "probabilities": probabilities.tolist(),
                "iou": None if np.isnan(iou) else float(iou),
                **gallery.maps_of(item, held, threshold, right=probabilities.argmax() == label),
            }
    if not patches:
        return None
    return {
        "labels": LABELS,
        "runs": [
            {
                "name": run.name,
                "method": map_method(run.results["config"]),
                "threshold": _threshold(run),
            }
            for run in runs
        ],
        "colours": base64.b64encode(INFERNO.tobytes()).decode("ascii"),
        "patches": list(patches.values()),
    }


def _threshold(run: Run) -> float | None:
    """Share of a map's maximum at which the run's IoUs are measured, if it has any."""
    return (run.results.get("localization") or {}).get("threshold")
