"""A finished run, read back: what it was asked, the model it trained, how it normalised."""

import os
from dataclasses import dataclass
from pathlib import Path

import jax.numpy as jnp

from jaxcbis.config import Config, resolve
from jaxcbis.data import normalization
from jaxcbis.errors import InvalidValueError, UserError
from jaxcbis.labels import LABELS
from jaxcbis.models import backbones
from jaxcbis.models.model import Model
from jaxcbis.records import results
from jaxcbis.runs import shown
from jaxcbis.training import checkpoints


@dataclass(frozen=True, eq=False, repr=False)
class Finished:
    """A run that was trained and tested.

    Attributes:
      folder: of the run.
      config: its options.
      model: the one with the lowest validation loss.
      statistics: of the train split's intensities, for `normalization.normalize`.
      results: content of results.json.

    Examples:
      >>> run = jaxcbis.load("runs/resnet50-s2-paper-seed0")
      >>> run.config.backbone, run.results["test"]["n"]
      ('resnet50', 120)
    """

    folder: Path
    config: Config
    model: Model
    statistics: normalization.Statistics
    results: dict

    def evaluate(self, data: Path | str | None = None) -> dict:
        """The figures of a test split, classes unknown: each patch is normalised as all are.

        The paper's protocol normalises test patches by their class, which nobody knows in practice;
        its figures are `run.results["test"]`.

        Args:
          data: a release or an exported `.npz`, cut as the run's protocol asks, whose test split is
            to be answered; the run's own test split, whose figures are known, if None.

        Returns:
          As `test` of results.json: {'n', 'accuracy', 'accuracy_ci95', 'macro_f1', 'weighted_f1',
          'auc_mean', 'per_class', 'confusion', 'calibration', ..}; None for a figure that does not
          exist.

        Raises:
          UserError: the data are not there (also a FileNotFoundError), or not what the run takes.

        Examples:
          >>> figures = run.evaluate("mine.npz")
          >>> figures["n"], 0 <= figures["accuracy"] <= 1
          (20, True)
        """
        if data is None:
            return self.results["test_without_label_normalization"] or self.results["test"]
        from jaxcbis.runs import evaluating  # here: scikit-learn takes seconds to import

        return evaluating.evaluate(self, os.path.expanduser(data))

    def report(self) -> Path:
        """Builds report.html again from what the folder holds; the data are not needed.

        Returns:
          The page. `IPython.display.IFrame(run.report(), "100%", 700)` shows it in a notebook whose
          server sees the file.

        Raises:
          UserError: a file of the run is not there (also a FileNotFoundError), or the page cannot
            be written.

        Examples:
          >>> run.report().name
          'report.html'
        """
        from jaxcbis.report.page import document

        return document.write(self.folder)

    def __repr__(self) -> str:
        return shown.line(self.results, self.folder)

    def _repr_html_(self) -> str:
        return shown.html(self.results, self.folder)


def require(run: object) -> None:
    """Checks that a caller from Python asks a run, and not its folder, which takes time to read.

    Raises:
      InvalidValueError: it is something else.
    """
    if results.of_mammograms(getattr(run, "results", {})):
        raise InvalidValueError(f"run {run!r}: a mammogram run; expected a patch run")
    if not isinstance(run, Finished):
        given = repr(str(run) if isinstance(run, os.PathLike) else run)
        raise InvalidValueError(f"run {given}: expected a finished run, as of jaxcbis.load(folder)")


def load(folder: Path | str) -> Finished:
    """Reads the run in a folder; the data it was trained on are not needed.

    Raises:
      UserError: the folder holds no finished run, its model is damaged, or another version of this
        package wrote it.
    """
    folder = Path(folder)
    found = results.read_finished(folder)
    try:
        config = resolve(found["config"])
        options = found["model"]["options"]
        statistics = normalization.from_json(found["model"]["normalization"])
        blank = backbones.blank(
            config.backbone, options, num_classes=len(LABELS), dtype=jnp.dtype(config.precision)
        )
    except (AttributeError, TypeError, KeyError, ValueError, UserError) as error:
        raise UserError(
            f"{folder / 'results.json'}: not of this version of jaxcbis "
            f"({type(error).__name__}: {error}); train it again"
        ) from error
    model = checkpoints.load_model(folder / "checkpoints", blank)
    return Finished(folder, config, model, statistics, found)
