"""What trained members say of the test views, and what that is worth."""

from collections.abc import Sequence
from pathlib import Path
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from jaxcbis.data import prepared
from jaxcbis.data.mammograms import OVERLAP, Mammograms, Views
from jaxcbis.machine.console import say, track
from jaxcbis.mammograms import answers, sweeping
from jaxcbis.mammograms.config import MammogramConfig
from jaxcbis.mammograms.figures import baselines, levels, literature, localization, predictions
from jaxcbis.mammograms.figures.predictions import Predictions
from jaxcbis.mammograms.inputs import Member
from jaxcbis.mammograms.sweeping import Marks
from jaxcbis.models.model import Model

#: In the place of probabilities that are given apart.
_NOTHING: list[float] = []


class Answers(NamedTuple):
    """Probabilities of malignancy, float64 [members, views], by split.

    Attributes:
      plain: of the views as they are.
      flips: averaged over the four flips of each view; empty where that was not asked for.
      maps: float32 [test views, h, w] of malignancy, the mean of the members'.
    """

    plain: dict[str, NDArray]
    flips: dict[str, NDArray]
    maps: NDArray


def answer(config: MammogramConfig, models: Sequence[Model], found: Mammograms) -> Answers:
    """Asks the members about all views that they did not learn from."""
    asked = {name: views for name, views in found.splits.items() if name != "train" and len(views)}

    flips = config.test_time_flips
    told = {  # [members, flips, views], of which the first flip is none
        name: np.stack(
            [answers.by_flip(model, views.images, flips=flips, track=track) for model in models]
        )
        for name, views in asked.items()
    }
    return Answers(
        {name: ways[:, 0] for name, ways in told.items()},
        {name: ways.mean(axis=1) for name, ways in told.items()} if flips else {},
        answers.maps(models, found.splits["test"].images, track),
    )


def sweep(
    config: MammogramConfig, members: Sequence[Member], found: Mammograms
) -> list[list[Marks]]:
    """The sweeps of the test views by each patch run; none where they are not wanted.

    Raises:
      UserError: a run cannot be swept, or the disk is full.
    """
    if config.no_sweep:
        return []
    release, _ = prepared.place(config.data, config.data_dir)
    ids = found.splits["test"].ids.tolist()
    swept = []
    for member in members:
        say(f"Sweep    of {len(ids)} test mammograms by {member.patch.folder}")
        file = member.folder / sweeping.FILE
        swept.append(sweeping.sweep(member.patch, release, ids, file))
    return swept


def seconds(swept: Sequence[Sequence[Marks]]) -> float | None:
    """What sweeps took, those before a kill as well; None where nothing was swept."""
    if not swept:
        return None
    return float(np.nansum([marks.seconds for of_run in swept for marks in of_run]))


class Scores(NamedTuple):
    """What answers are worth.

    Attributes:
      results: keys test, test_flips, test_official, baselines, localization and literature of
        results.json.
      members: `test` of each member alone.
      predictions: of the test views.
      notes: on what does not exist.
    """

    results: dict
    members: list[dict]
    predictions: Predictions
    notes: list[str]


def score(
    config: MammogramConfig, found: Mammograms, told: Answers, swept: Sequence[Sequence[Marks]]
) -> Scores:
    """Scores answers and sweeps.

    Args:
      config: of the run.
      found: the views.
      told: of `answer`.
      swept: of `sweep`.

    Raises:
      UserError: an answer is not finite, or the run to compare with has other views.
    """
    test, validation = found.splits["test"], found.splits["validation"]
    plain, alone = _levels(test, validation, told.plain)
    flips = _levels(test, validation, told.flips)[0] if told.flips else None
    ours = levels.averaged(told.plain["test"])
    of_views = baselines.of_views(test, validation) | {baselines.SWEEP_MAXIMUM: _highest(swept)}
    others = of_views | {baselines.IMAGENET_START: of_imagenet(config, test)}
    located = localization.of_maps(test, told.maps, ours)
    located["sweep"] = _of_sweep(test, swept, localization.marks_of_maps(test, told.maps, ours))
    results = {
        "test": plain,
        "test_flips": flips,
        "test_official": _official(found, told),
        "baselines": baselines.compare(test.labels, test.patients, ours, others),
        "localization": located,
        "literature": literature.beside(found.name),
    }
    kept = Predictions(
        test.ids, test.patients, test.sides, test.views, test.labels, ours,
        levels.averaged(told.flips["test"]) if told.flips else None, of_views,
    )  # fmt: skip
    return Scores(results, alone, kept, _notes(config, test, swept))


def _levels(test: Views, validation: Views, told: dict[str, NDArray]) -> tuple[dict, list[dict]]:
    """Figures of the mean of the members and of each, as `levels.of_members` has them."""
    known = levels.answers(test, _NOTHING), levels.answers(validation, _NOTHING)
    return levels.of_members(*known, (told["test"], told["validation"]))


def _official(found: Mammograms, told: Answers) -> dict | None:
    """The figures of the whole official test split; None where no patient of train is in it."""
    test, overlap = found.splits["test"], found.splits[OVERLAP]
    if not len(overlap):
        return None
    labels, patients, sides = (
        np.concatenate([getattr(part, name) for part in (test, overlap)])
        for name in ("labels", "patients", "sides")
    )
    said = np.concatenate([told.plain["test"], told.plain[OVERLAP]], axis=1)
    both = levels.Answers(labels, patients, sides, levels.averaged(said))
    of_validation = levels.averaged(told.plain["validation"])
    validation = levels.answers(found.splits["validation"], of_validation)
    return levels.score(both, levels.thresholds(validation))


def _highest(swept: Sequence[Sequence[Marks]]) -> NDArray | None:
    """The mean over the patch runs of each view's highest window."""
    if not swept:
        return None
    return np.array([[marks.highest for marks in of_run] for of_run in swept]).mean(axis=0)


def _of_sweep(
    test: Views, swept: Sequence[Sequence[Marks]], ours: list[localization.Marks]
) -> dict | None:
    """Where the first patch run's sweep points; None without a sweep."""
    if not swept:
        return None
    marks = [
        None if of_view.reason else localization.of_boxes(of_view.boxes, of_view.scores, test, i)
        for i, of_view in enumerate(swept[0])
    ]
    return localization.of_sweep(test, marks, ours)


def of_imagenet(config: MammogramConfig, test: Views) -> NDArray | None:
    """The test views' probabilities of the run to compare with; None where none is given.

    Raises:
      UserError: they cannot be read, or are of other views.
    """
    if config.imagenet_run is None:
        return None
    path = Path(config.imagenet_run) / predictions.FILE
    return predictions.matched(predictions.read(path), test.ids, path)


def _notes(config: MammogramConfig, test: Views, swept: Sequence[Sequence[Marks]]) -> list[str]:
    notes = []
    if config.no_sweep:
        how = ", which is the default on demo data; --sweep does it" * config.demo
        notes.append(f"--no-sweep: the patch run was not swept over the test mammograms{how}")
    missed = [(name, marks.reason) for of_run in swept
              for name, marks in zip(test.ids, of_run, strict=True) if marks.reason]  # fmt: skip
    if missed:
        name, reason = missed[0]
        notes.append(
            f"{len(missed)} test mammograms could not be swept, the first {name}: {reason}"
        )
    if len(swept) > 1:
        notes.append(
            "the sweep's score is the mean over the patch runs, its marks are of the first one"
        )
    if config.imagenet_run is None and config.start != "imagenet":
        notes.append(
            "no start from ImageNet beside it: train one with --from imagenet and give its folder "
            "as --imagenet-run"
        )
    if len(test.masked) and not test.masked.all():
        notes.append(
            f"localisation leaves out {(~test.masked).sum()} of {len(test)} test views: a mask of "
            "theirs could not be read"
        )
    return notes
