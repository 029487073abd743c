"""The rows: what is measured of whole mammograms, in order of value."""

from collections.abc import Sequence
from typing import NamedTuple


class Kind(NamedTuple):
    """What a row times, and the views of a call."""

    what: str
    views: int


#: Row -> what it times. Networks are those that the command `mammogram` trains, of random weights;
#: steps are a run's own, with augmentation. Images come from the host.
ROWS = {
    "step": Kind("training step of all behind the frozen half", 2),
    "forward": Kind("logits", 1),
    "cut": Kind("cutting the breast out of a mammogram and reducing it", 1),
    "step_kept": Kind("the step without gradient checkpointing", 2),
    "map": Kind("logits and Grad-CAM", 1),
    "top_step": Kind("training step of the top alone", 2),
    "sweep": Kind("a patch run swept over a mammogram", 1),
    "forward_two": Kind("logits", 2),
    "top_step_kept": Kind("the step of the top without gradient checkpointing", 2),
}
#: Ends the name of a step that keeps all activations for the gradient.
KEPT = "_kept"


class Row(NamedTuple):
    """A row, and what it is measured with.

    Attributes:
      row: of ROWS.
      model, precision: of the network; None where none is run.
      height, width: of a view in pixels; None of `sweep`, which takes mammograms as they are.
    """

    row: str
    model: str | None = None
    precision: str | None = None
    height: int | None = None
    width: int | None = None

    @property
    def views(self) -> int:
        """Of a call."""
        return ROWS[self.row].views


def plan(
    backbones: Sequence[str],
    precisions: Sequence[str],
    sizes: Sequence[tuple[int, int]],
    *,
    data: bool,
    run: bool,
) -> list[Row]:
    """All rows in order of value: what comes last is what a cut session lacks.

    Args:
      backbones, precisions: of the networks.
      sizes: height and width.
      data: whether there is a release, to cut views of.
      run: whether there is a patch run, to sweep over them.
    """
    networks = [
        (backbone, precision, *size)
        for size in sizes
        for precision in precisions
        for backbone in backbones
    ]
    found: list[Row] = []
    for name in ROWS:
        if name == "cut":
            found += [Row(name, None, None, *size) for size in sizes if data]
        elif name == "sweep":
            found += [Row(name)] if run else []
        else:
            found += [Row(name, *network) for network in networks]
    return found
