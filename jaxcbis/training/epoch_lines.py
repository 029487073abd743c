"""What a person is told of training: one line per epoch, and how long it may go on."""

from collections.abc import Sequence

from jaxcbis.training import early_stopping

#: Seconds; less is over before it is read.
WORTH_TELLING = 5

_COLUMNS = "{:<7}  {:>5}  {:>10}  {:>8}  {:>8}  {:>8}  {:>9}  {:>8}"
#: What stands above the lines: at most 80 columns, as they have.
HEAD = _COLUMNS.format(
    "phase", "epoch", "train loss", "accuracy", "val loss", "accuracy", "best loss", "patience"
)


def line(history: Sequence[dict], patience: int, min_delta: float) -> str:
    """A line under HEAD on the last row of a history.

    The best loss is the lowest validation loss of the phase so far, patience how many more epochs
    without improvement end the phase. Nothing was trained before epoch 0.

    Args:
      history: rows up to that epoch.
      patience, min_delta: of early stopping.
    """
    row = history[-1]
    losses = [other["val_loss"] for other in history if other["phase"] == row["phase"]]
    trained = ("-", "-")
    if row["epoch"]:
        trained = (f"{row['train_loss']:.4f}", f"{row['train_accuracy']:.3f}")
    return _COLUMNS.format(
        row["phase"], row["epoch"], *trained, f"{row['val_loss']:.4f}",
        f"{row['val_accuracy']:.3f}", f"{min(losses):.4f}",
        patience - early_stopping.waited(losses, min_delta),
    )  # fmt: skip


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
