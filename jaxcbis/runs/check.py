"""The command `check`: the demo training, and whether its figures are as they should be."""

import tempfile
from collections.abc import Callable
from pathlib import Path
from typing import NamedTuple

from rich.text import Text

from jaxcbis.config import resolve
from jaxcbis.errors import UserError
from jaxcbis.machine.console import hushed, live, reminding, say

#: The demo training. Its weights are random, so that it needs no network.
OPTIONS = {"backbone": "resnet50", "strategy": "s2", "weights": "random"}


class Band(NamedTuple):
    """Where a figure of the demo training must lie, both ends included.

    Attributes:
      figure: its name.
      of: finds it in the content of results.json; None where it does not exist there.
      low, high: None where one side is open.
    """

    figure: str
    of: Callable[[dict], float | None]
    low: float | None = None
    high: float | None = None

    def __str__(self) -> str:
        if self.low == self.high:
            return f"{self.low}"
        if self.high is None:
            return f"at least {self.low}"
        return f"at most {self.high}" if self.low is None else f"{self.low} to {self.high}"


class Row(NamedTuple):
    """A figure that was found, beside its band."""

    band: Band
    found: float | None
    ok: bool

    def __str__(self) -> str:
        found = "none" if self.found is None else f"{self.found:.4g}"
        return f"{self.band.figure:<38} {found:<8} {self.band!s:<14} {'ok' if self.ok else 'OFF'}"


def _total(split: str) -> Callable[[dict], float]:
    return lambda results: results["data"]["splits"][split]["total"]


def _lowest_recall(results: dict) -> float | None:
    recalls = [row["recall"] for row in results["test"]["per_class"].values()]
    return None if None in recalls else min(recalls)


#: Training from random weights on few patches grows a difference in the last digits to several
#: patches. The bands hold on all processors and versions tried, with a margin; the figures of
#: an untrained model lie far outside.
BANDS = (
    Band("patches to train", _total("train"), 226, 226),
    Band("patches to validate", _total("validation"), 42, 42),
    Band("patches to test", _total("test"), 172, 172),
    Band("lowest validation loss", lambda r: r["best"]["val_loss"], high=0.7),
    Band("accuracy", lambda r: r["test"]["accuracy"], low=0.8),
    Band(
        "accuracy without label normalisation",
        lambda r: r["test_without_label_normalization"]["accuracy"],
        low=0.7,
    ),
    Band("lowest recall of a class", _lowest_recall, low=0.5),
    Band("AUC, probabilities", lambda r: r["test"]["auc_mean"], low=0.95),
    Band("AUC, hard labels", lambda r: r["test"]["auc_hard_mean"], low=0.85),
    Band("LL score", lambda r: r["localization"]["ll_score"], 0.55, 0.8),
    Band("LL score of an all-ones map", lambda r: r["localization"]["baselines"]["all_ones"],
        0.69, 0.75),
)  # fmt: skip


def run() -> None:
    """Trains on the demo data in a temporary folder, and prints every figure beside its band.

    Raises:
      UserError: a figure is off, or the demo cannot be run.
    """
    from jaxcbis.runs import run as one_run  # JAX starts only when there is work for it

    say("The demo training with random weights: two minutes on two cores ..")
    with tempfile.TemporaryDirectory(prefix="jaxcbis-", ignore_cleanup_errors=True) as folder:
        place = {"data_dir": folder, "output": str(Path(folder) / "run")}
        config = resolve(OPTIONS | place)
        told = ["preparing"]
        with live() as show, reminding(lambda: told[-1]), hushed():

            def tell(row: dict) -> None:
                told.append(f"epoch {row['epoch']} of {config.epochs}")
                show(Text(told[-1]))

            results = one_run.run(config, on_epoch=tell)
    machine = results["environment"]
    say(
        f"Python {machine['python']}, jax {machine['jax']}, flax {machine['flax']}, "
        f"{machine['device']}"
    )
    rows = compare(results)
    for row in rows:
        say(str(row))
    if off := [row.band.figure for row in rows if not row.ok]:
        raise UserError(
            f"check: {len(off)} of {len(rows)} figures are off ({'; '.join(off)}); install the "
            "versions of constraints.txt in a new virtual environment and check again"
        )
    say("OK")


def compare(results: dict) -> list[Row]:
    """Looks up every figure of a demo training.

    Args:
      results: content of results.json.

    Returns:
      A row for each of BANDS.
    """
    return [_row(band, band.of(results)) for band in BANDS]


def _row(band: Band, found: float | None) -> Row:
    ok = (
        found is not None
        and (band.low is None or found >= band.low)
        and (band.high is None or found <= band.high)
    )
    return Row(band, found, ok)
