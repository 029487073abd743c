"""looking.png: a few test lesions, and the maps of models that were trained in different ways."""

from collections.abc import Sequence
from pathlib import Path

import numpy as np
from matplotlib.figure import Figure
from numpy.typing import NDArray

from jaxcbis.audit.looking.comparing import Asked, kind_of
from jaxcbis.data.patches import Patches, eight_bit
from jaxcbis.evaluation import cam
from jaxcbis.labels import BACKGROUND, LABELS
from jaxcbis.report.figures import saving
from jaxcbis.report.figures.overlay import overlay

NAME = "looking.png"
#: Lesions shown, as many of each class as fit, one at least.
ROWS = 4
SEED = 0
#: How they are chosen, in words.
RULE = (
    f"of each class the first test lesions in an order drawn with seed {SEED}, before any map was "
    "made"
)


def write(path: Path, asked: Sequence[Asked], test: Patches) -> dict:
    """Draws lesions with their outlines, and the maps of the predicted classes over them.

    Args:
      path: of the PNG file.
      asked: runs of which the first with the localisation term is shown that has a plain one of
        the same options, and beside it that one and one trained on the clean cut; without such a
        pair, the first with the term; without the term, the first by the shifted protocol.
      test: what they were asked.

    Returns:
      {file, rule, ids, columns: [{title, run}]}: run counts in `asked`.

    Raises:
      UserError: the file cannot be written.
    """
    columns = _columns(asked)
    items = chosen(test.labels)
    saving.png(path, _draw(asked, columns, items, test))
    return {
        "file": path.name, "rule": RULE, "ids": test.ids[items].tolist(),
        "columns": [{"title": title, "run": run} for title, run in columns],
    }  # fmt: skip


def chosen(labels: NDArray) -> NDArray:
    """Indices of the lesions shown: by a seeded draw, whatever the models say of them."""
    order = np.random.default_rng(SEED).permutation(len(labels))
    present = [k for k in range(len(LABELS)) if k != BACKGROUND and (labels == k).any()]
    each = max(1, ROWS // max(1, len(present)))
    members = [order[labels[order] == k][:each] for k in present]
    return np.concatenate(members) if members else np.empty(0, np.int64)


def _columns(asked: Sequence[Asked]) -> list[tuple[str, int]]:
    """What the maps' columns are headed, and whose maps they show."""
    shifted = [k for k, of in enumerate(asked) if not of.run.config.centred]

    def like(lead: int, protocol: str) -> list[int]:
        """The plain run of the same kind, that of the same seed if there are several."""
        of_lead = asked[lead].run
        found = [
            k
            for k, of in enumerate(asked)
            if (of.run.config.protocol, of.run.config.look_weight) == (protocol, 0)
            and kind_of(of.run) == kind_of(of_lead)
        ]
        return sorted(found, key=lambda k: asked[k].run.config.seed != of_lead.config.seed)[:1]

    with_term = [k for k in shifted if asked[k].run.config.look_weight]
    lead = next(iter([*(k for k in with_term if like(k, "shifted")), *with_term, *shifted]))
    weight = asked[lead].run.config.look_weight
    columns = [("trained on\ncentred lesions", k) for k in like(lead, "clean")]
    columns += [("trained on\nshifted lesions", k) for k in like(lead, "shifted")]
    if weight:
        columns.append((f"shifted lesions and\nthe term, weight {weight:g}", lead))
    return columns


def _draw(
    asked: Sequence[Asked], columns: Sequence[tuple[str, int]], items: NDArray, test: Patches
) -> Figure:
    side = test.masks.shape[1]
    count = 1 + len(columns)
    rows = max(1, len(items))
    figure = Figure(figsize=(1.6 * count, 1.75 * rows + 0.4), layout="constrained")
    panels = figure.subplots(rows, count, squeeze=False)
    for axes in panels.ravel():
        axes.set(xticks=[], yticks=[])
        axes.spines[:].set_visible(False)
    for axes, title in zip(panels[0], ("lesion", *(title for title, _ in columns)), strict=True):
        axes.set_title(title, fontsize=8)
    for row, item in zip(panels, items, strict=False):
        image, mask = eight_bit(test.images[item]), test.masks[item]
        row[0].set_ylabel(LABELS[test.labels[item]], fontsize=7)
        row[0].imshow(overlay(image, np.zeros(mask.shape), mask))
        for axes, (_, run) in zip(row[1:], columns, strict=True):
            look = asked[run].look
            heat = cam.enlarge(look.maps[item : item + 1], side)[0]
            axes.imshow(overlay(image, heat, mask))
            axes.set_xlabel(LABELS[look.probabilities[item].argmax()], fontsize=7)
    return figure
