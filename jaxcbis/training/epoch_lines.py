"""What a person is told of training: one line per epoch, and how long it may go on."""

from collections.abc import Sequence

from jaxcbis.training import early_stopping

#: Seconds; less is over before it is read.
WORTH_TELLING = 5


def line(history: Sequence[dict], patience: int, min_delta: float) -> str:
    """A line of at most 80 columns on the last row of a history.

    It has the losses and accuracies, the lowest validation loss of the phase so far, and how many
    more epochs without improvement end the phase.

    Args:
      history: rows up to that epoch.
      patience, min_delta: of early stopping.
    """
    row = history[-1]
    losses = [other["val_loss"] for other in history if other["phase"] == row["phase"]]
    train = "as it starts"
    if row["epoch"]:
        train = f"train {row['train_loss']:.4f} {row['train_accuracy']:.3f}"
    return (
        f"{row['phase']:<7} epoch {row['epoch']:>3}  {train:<18}  "
        f"val {row['val_loss']:.4f} {row['val_accuracy']:.3f}  best {min(losses):.4f}  "
        f"left {patience - early_stopping.waited(losses, min_delta)}"
    )


def estimate(row: dict, epochs: int, patience: int) -> str | None:
    """How long a phase may go on, once its second epoch is done.

    The first epoch is no measure: it compiles.

    Args:
      row: the last one of the history.
      epochs, patience: of the phase.

    Returns:
      A line, or None behind other epochs, and where seconds are left.
    """
    longest = (epochs - 2) * row["seconds"]
    if row["epoch"] != 2 or longest < WORTH_TELLING:
        return None
    span = duration(longest)
    if patience < epochs - 2:
        span = f"{duration(patience * row['seconds'])} to {span}"
    measured = f"{row['seconds']:.1f} s an epoch, measured on this one"
    return f"Time     {row['phase']}: {measured}; {span} more"


def duration(seconds: float) -> str:
    """Seconds as a person says them: '8 s', '3 min', '2 h 5 min'."""
    if seconds < 90:
        return f"{seconds:.0f} s"
    minutes = round(seconds / 60)
    return f"{minutes} min" if minutes < 90 else f"{minutes // 60} h {minutes % 60} min"
