"""A finished mammogram run, read back: what it was asked, and the models it trained."""

import os
from dataclasses import dataclass
from html import escape
from pathlib import Path

import jax.numpy as jnp

from jaxcbis.data import normalization
from jaxcbis.errors import UserError
from jaxcbis.mammograms.config import MammogramConfig, resolve
from jaxcbis.mammograms.page.answer import run_name
from jaxcbis.models import whole_image
from jaxcbis.models.model import Model
from jaxcbis.records import results
from jaxcbis.report.figures import notices
from jaxcbis.training import checkpoints


@dataclass(frozen=True, eq=False, repr=False)
class FinishedMammogram:
    """A mammogram run that was trained and tested.

    Attributes:
      folder: of the run.
      config: its options.
      models: of each member the one with the lowest validation loss; its answer is their mean.
      statistics: of the train split's intensities that each member normalises by.
      results: content of results.json.

    Examples:
      >>> whole = jaxcbis.load("runs/mammogram")
      >>> whole.config.height, len(whole.models)
      (96, 1)
    """

    folder: Path
    config: MammogramConfig
    models: tuple[Model, ...]
    statistics: tuple[normalization.Statistics, ...]
    results: dict

    def evaluate(self, data: Path | str | None = None) -> dict:
        """The figures of a test split of whole views.

        Args:
          data: a release, whose official test split is to be answered; the run's own test split,
            whose figures are known, if None.

        Returns:
          As `test` of results.json: by 'view', 'breast' and 'patient' {'n', 'positives', 'auc',
          'auc_ci95', 'roc', 'operating_points', 'calibration'}; None for a figure that does not
          exist.

        Raises:
          UserError: the data are not there (also a FileNotFoundError), or hold no test views.

        Examples:
          >>> sorted(whole.evaluate())
          ['breast', 'patient', 'view']
        """
        if data is None:
            return self.results["test_flips"] or self.results["test"]
        from jaxcbis.mammograms import evaluating  # here: scikit-learn takes seconds to import

        return evaluating.evaluate(self, os.path.expanduser(data))

    def report(self) -> Path:
        """Builds report.html again from what the folder holds; the data are not needed.

        Returns:
          The page.

        Raises:
          UserError: a file of the run is not there (also a FileNotFoundError), or the page cannot
            be written.

        Examples:
          >>> whole.report().name
          'report.html'
        """
        from jaxcbis.mammograms.page import document

        return document.write(self.folder)

    def __repr__(self) -> str:
        return f"<{run_name(self.results)}: {_figures(self.results)}; {self.folder}>"

    def _repr_html_(self) -> str:
        told = "".join(f"<li>{escape(notice)}</li>" for notice in notices.of(self.results))
        return (
            f"<div><h3>{escape(run_name(self.results))}</h3><p>{escape(_figures(self.results))}</p>"
            f"<ul>{told}</ul><p>Folder: <code>{escape(str(self.folder))}</code></p></div>"
        )


def load(folder: Path | str) -> FinishedMammogram:
    """Reads the run in a folder; neither the data nor the patch runs behind it are needed.

    Raises:
      UserError: the folder holds no finished mammogram run, a model is damaged, or another
        version of this package wrote it.
    """
    folder = Path(folder)
    found = results.read_finished_mammogram(folder)
    try:
        config = resolve(found["config"])
        statistics = tuple(map(normalization.from_json, found["model"]["normalization"]))
        dtype = jnp.dtype(config.precision)
        blanks = [
            whole_image.blank(patch["backbone"], member["options"], dtype=dtype)
            for patch, member in zip(found["patch_runs"], found["members"], strict=True)
        ]
    except (AttributeError, TypeError, KeyError, ValueError, UserError) as error:
        raise UserError(
            f"{folder / 'results.json'}: not of this version of jaxcbis "
            f"({type(error).__name__}: {error}); train it again"
        ) from error
    places = members(folder, len(blanks))
    models = tuple(map(checkpoints.load_model, places, blanks))
    return FinishedMammogram(folder, config, models, statistics, found)


def members(folder: Path, count: int) -> list[Path]:
    """The folders of the checkpoints of a run's members.

    Args:
      folder: of the run.
      count: of its members; a single one has no folder of its own.
    """
    if count == 1:
        return [folder / "checkpoints"]
    return [folder / f"member{number}" / "checkpoints" for number in range(1, count + 1)]


def _figures(results: dict) -> str:
    """The AUC per view and what limits it."""
    test = (results["test_flips"] or results["test"])["view"]
    if test["auc"] is None:
        said = f"no AUC on {test['n']} test views"
    else:
        said = f"AUC {test['auc']:.2f} on {test['n']} test views"
        if interval := test["auc_ci95"]:
            said += " (95 % interval {:.2f} to {:.2f})".format(*interval)
    return "; ".join([said, *(each.split(":")[0] for each in notices.of(results)[:-1])])
