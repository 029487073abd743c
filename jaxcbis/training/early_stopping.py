"""Early stopping on the validation loss, by the rule of PyTorch Lightning that the paper used."""

from typing import NamedTuple


class Stopping(NamedTuple):
    """Attributes:
    reference: the loss that an epoch must undercut by `min_delta` to count as an improvement.
    waited: epochs since the last improvement.
    """

    reference: float
    waited: int = 0


def update(stopping: Stopping, loss: float, min_delta: float) -> Stopping:
    """Takes in the validation loss of one more epoch."""
    if loss < stopping.reference - min_delta:
        return Stopping(loss)
    return Stopping(stopping.reference, stopping.waited + 1)
