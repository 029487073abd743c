"""The gallery of a page: each patch once, whatever its runs' image sizes, with every answer."""

import base64
from collections.abc import Sequence
from typing import Any

import numpy as np

from jaxcbis.labels import LABELS
from jaxcbis.report.figures.overlay import INFERNO
from jaxcbis.report.page import gallery, patches
from jaxcbis.report.page.patches import Tested
from jaxcbis.report.tables import map_method


def gallery_of(runs: Sequence[Tested]) -> dict | None:
    """All test patches of the runs that have a picture.

    Patches are matched by id, patient and true class. Answers to one crop share its largest
    picture; a run that cuts the patch in another way has its own.

    Returns:
      What the page's scripts read: {'labels', 'runs': [{'name', 'method', 'threshold'}],
      'colours', 'patches': [{'id', 'link', 'patient', 'view', 'label', 'image', 'outline',
      'answers': [{'probabilities', 'iou', and what `gallery.maps_of` returns} or None]}]}; None
      where no run has pictures. 'link' names a patch in the page's address. An answer to another
      crop has an 'image' and an 'outline' of its own.
    """
    owners: dict[tuple, list[list[int]]] = {}  # of each patch the runs that share a picture
    for k, run in enumerate(runs):
        for name in run.pictures:
            groups = owners.setdefault(patches.identity(run, name), [])
            alike = (group for group in groups if _same_crop(runs[group[0]], run, name))
            if (group := next(alike, None)) is not None:
                group.append(k)
            else:
                groups.append([k])
    if not owners:
        return None
    links: dict[str, int] = {}
    found = []
    for (name, patient, label), groups in owners.items():
        repeat = links[name] = links.get(name, -1) + 1
        found.append(
            {
                "id": name,
                "link": f"{name}~{repeat}" if repeat else name,
                "patient": patient,
                "view": gallery.view_of(name),
                "label": label,
                **_picture(runs, groups[0], name),
                "answers": _answers(runs, groups, name),
            }
        )
    return {
        "labels": LABELS,
        "runs": [
            {
                "name": of.run.name,
                "method": map_method(of.run.results["config"]),
                "threshold": _threshold(of),
            }
            for of in runs
        ],
        "colours": base64.b64encode(INFERNO.tobytes()).decode("ascii"),
        "patches": found,
    }


def _same_crop(one: Tested, two: Tested, name: str) -> bool:
    protocols = {of.run.results["config"]["protocol"] for of in (one, two)}
    return len(protocols) == 1 and patches.same(one, two, name)


def _picture(runs: Sequence[Tested], group: Sequence[int], name: str) -> dict[str, str]:
    """The largest picture of a crop."""
    items = [runs[k].pictures[name] for k in group]
    item = max(items, key=lambda item: patches.pixels(item["image"]))
    return {key: item[key] for key in ("image", "outline")}


def _answers(
    runs: Sequence[Tested], groups: Sequence[Sequence[int]], name: str
) -> list[dict | None]:
    found: list[dict | None] = [None] * len(runs)
    for crop, group in enumerate(groups):
        own = _picture(runs, group, name) if crop else {}
        for k in group:
            found[k] = _answer(runs[k], name) | own
    return found


def _answer(of: Tested, name: str) -> dict[str, Any]:
    answers, held = of.run.answers, of.held
    assert answers is not None, "it has rows"
    assert held is not None, "it has pictures"
    row = of.rows[name]
    probabilities, iou = answers.probabilities[row], answers.iou[row]
    right = bool(probabilities.argmax() == answers.labels[row])
    return {
        "probabilities": probabilities.tolist(),
        "iou": None if np.isnan(iou) else float(iou),
        **gallery.maps_of(of.pictures[name], held, _threshold(of), right=right),
    }


def _threshold(of: Tested) -> float | None:
    """Share of a map's maximum at which the run's IoUs are measured, if it has any."""
    return (of.run.results.get("localization") or {}).get("threshold")
