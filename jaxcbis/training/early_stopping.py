"""Early stopping on the validation loss, by the rule of PyTorch Lightning that the paper used."""

from collections.abc import Sequence


def waited(losses: Sequence[float], min_delta: float) -> int:
    """Epochs since the last improvement.

    Args:
      losses: validation losses of a phase, at least one; the first is of the model that the phase
        starts with.
      min_delta: by how much a loss must undercut that of the last improvement to be one.
    """
    reference, epochs = losses[0], 0
    for loss in losses[1:]:
        reference, epochs = (loss, 0) if loss < reference - min_delta else (reference, epochs + 1)
    return epochs
