"""Finished mammogram runs gathered into one file, with what sets them apart.

Two runs are compared on the same test views, by a bootstrap over patients in which both see the
same samples. A start that has several seeds stands for their mean AUC. It is not the AUC of their
mean probability, which is that of another classifier, one that asks all of them.
"""

import json
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import NamedTuple

import numpy as np
from numpy.typing import ArrayLike, NDArray

from jaxcbis.errors import AGAIN, UserError
from jaxcbis.evaluation import bootstrap
from jaxcbis.machine import files
from jaxcbis.mammograms import config as options
from jaxcbis.mammograms.figures import baselines, levels, predictions
from jaxcbis.mammograms.figures.predictions import Predictions
from jaxcbis.records import results as results_file

SCHEMA = 1
#: Of the words of a command, what stands for a place on the machine.
DATA_WORD = "PATH"
#: What needs no model at all.
MEASURES = (baselines.BREAST_AREA, baselines.MEAN_INTENSITY)
#: Parts of results.json that are kept as they are.
_KEPT = ("patch_runs", "memory", "timing", "notes", "best")
#: The options on which a run's figures hang.
_OPTIONS = [each.name for each in options.OPTIONS if each.name not in options.INCIDENTAL]
_OF_LEVEL = ("n", "positives", "auc", "auc_ci95", "operating_points")
_OF_MAPS = (
    "n", "pointing_game", "pointing_game_ci95", "blind", "over_blind", "views", "left_out", "grid",
    "grid_ceiling", "difference", "difference_ci95", "verdict",
)  # fmt: skip
_OF_FROC = ("lesions", "sensitivity_at", "sensitivity_at_ci95")
#: Keys of results.json in which a path stands for a folder's name.
_FOLDERS = ("source", "folder")


class Tested(NamedTuple):
    """A finished run.

    Attributes:
      name: of its folder.
      results: content of results.json.
      told: its answers to the test views.
    """

    name: str
    results: dict
    told: Predictions

    @property
    def start(self) -> str:
        """What it started from, of `config.STARTS`."""
        return self.results["config"]["start"]

    @property
    def seed(self) -> int:
        """Its seed."""
        return self.results["config"]["seed"]


def write(folders: Sequence[Path], path: Path) -> None:
    """Gathers runs into a file.

    Args:
      folders, path: of the runs, and of the file.

    Raises:
      UserError: as of `gather`, or the file cannot be written.
    """
    text = json.dumps(gather(folders), indent=1, allow_nan=False)
    files.write(path, f"{text}\n", f"free space and {AGAIN}")


def gather(folders: Sequence[Path]) -> dict:
    """Brings together what finished runs on the same views found.

    Args:
      folders: of the runs; they differ in start and seed, and in what hangs on these.

    Returns:
      {schema, data, kinds, runs, differences}. kinds are those of lesions in the test views, 'Mass'
      or 'Calc'. A run is {name, start, seed, command, config, environment, test, test_flips,
      test_official, localization, ..}, of results.json, without curves and without paths. Rows of
      `differences` are those of `difference` with {start, against, seeds}: each start against each
      baseline and each other start, over all of its seeds; and by seed, where that tells of luck:
      against the sweep and another start.

    Raises:
      UserError: a folder holds no finished mammogram run, or one of other views.
    """
    tested = [_read(folder) for folder in folders]
    if not tested:
        raise UserError("expected the folder of a finished mammogram run")
    tested = [
        _in_order(run, tested[0], folder) for run, folder in zip(tested, folders, strict=True)
    ]
    return {
        "schema": SCHEMA,
        "data": _bare(tested[0].results["data"]),
        "kinds": sorted({str(name).split("-")[0] for name in tested[0].told.ids}),
        "runs": [_kept(run) for run in tested],
        "differences": list(_differences(tested)),
    }


def _read(folder: Path) -> Tested:
    results = results_file.read_finished_mammogram(folder)
    return Tested(folder.absolute().name, results, predictions.read(folder / predictions.FILE))


def _in_order(run: Tested, first: Tested, folder: Path) -> Tested:
    """A run with its answers in the order of the first one's.

    Raises:
      UserError: it has other views.
    """
    place = {name: i for i, name in enumerate(run.told.ids.tolist())}
    size = [(of.results["config"]["height"], of.results["config"]["width"]) for of in (run, first)]
    if place.keys() != set(first.told.ids.tolist()) or size[0] != size[1]:
        raise UserError(
            f"{folder}: has not the test views of {first.name}; give runs on the same --data, "
            "--height and --width"
        )
    order = [place[name] for name in first.told.ids.tolist()]
    told = run.told
    scores = {key: None if of is None else of[order] for key, of in told.baselines.items()}
    arrays = {key: of[order] for key, of in told._asdict().items() if isinstance(of, np.ndarray)}
    return run._replace(told=told._replace(**arrays, baselines=scores))


def difference(labels: ArrayLike, patients: ArrayLike, ours: ArrayLike, others: ArrayLike) -> dict:
    """How much higher the mean AUC of some classifiers is than that of others.

    Args:
      labels, patients: [n] of the views.
      ours, others: [k, n] and [m, n] of scores, higher where a view is rather malignant. Views that
        one of them has no score of, NaN, are left out.

    Returns:
      {n, auc, auc_ci95, other_auc, other_auc_ci95, difference, difference_ci95, verdict}: of n
      views, the means over the classifiers. The intervals are of the patients, not of other seeds.
      None for what does not exist.
    """
    true, names = np.asarray(labels).astype(bool), np.asarray(patients)
    both = np.atleast_2d(ours), np.atleast_2d(others)
    known = ~np.isnan(np.concatenate(both)).any(0)
    true = true[known]
    parts = [scores[:, known] for scores in both]
    found: dict = {"n": int(known.sum())} | dict.fromkeys(
        ("auc", "auc_ci95", "other_auc", "other_auc_ci95", "difference", "difference_ci95")
    )
    if true.all() or not true.any():
        return found | {"verdict": None}
    found["auc"], found["other_auc"] = (
        float(_mean_auc(scores, true, np.ones((1, len(true))))[0]) for scores in parts
    )
    found["difference"] = found["auc"] - found["other_auc"]
    times = bootstrap.draw(names[known])
    if times is not None:
        drawn = [_mean_auc(scores, true, times) for scores in parts]
        found["auc_ci95"], found["other_auc_ci95"] = map(bootstrap.interval, drawn)
        found["difference_ci95"] = bootstrap.interval_of_difference(drawn[0] - drawn[1])
    return found | {"verdict": bootstrap.verdict(found["difference_ci95"])}


def _mean_auc(scores: NDArray, true: NDArray, times: NDArray) -> NDArray:
    return np.mean([bootstrap.auc(of, true, times) for of in scores], axis=0)


def _differences(tested: Sequence[Tested]) -> Iterator[dict]:
    """The rows, by start."""
    swept = {
        tuple(run.results["config"]["run"]): scores
        for run in tested
        if (scores := run.told.baselines[baselines.SWEEP_MAXIMUM]) is not None
    }
    for start in options.STARTS:
        ours = [run for run in tested if run.start == start]
        with_sweep = [run for run in ours if tuple(run.results["config"]["run"]) in swept]
        yield from _rows(
            baselines.SWEEP_MAXIMUM,
            [(run, swept[tuple(run.results["config"]["run"])]) for run in with_sweep],
        )
        for other in options.STARTS[options.STARTS.index(start) + 1 :]:
            yield from _rows_of_starts(ours, [run for run in tested if run.start == other])
        for name in (*MEASURES, baselines.CHANCE):
            pairs = [(run, of) for run in ours if (of := _measure(run, name)) is not None]
            if pairs:
                yield _row([run for run, _ in pairs], name, [of for _, of in pairs])


def _measure(run: Tested, name: str) -> NDArray | None:
    if name == baselines.CHANCE:
        return np.zeros(len(run.told.ids))
    return run.told.baselines[name]


def _rows(against: str, pairs: Sequence[tuple[Tested, NDArray]]) -> Iterator[dict]:
    """All pairs of a run and what it is held against together, and then each one."""
    for some in (pairs, *([pair] for pair in pairs if len(pairs) > 1)):
        if some:
            yield _row([run for run, _ in some], against, [of for _, of in some])


def _rows_of_starts(ours: Sequence[Tested], others: Sequence[Tested]) -> Iterator[dict]:
    """All runs of a start against all of another, and then those of one seed."""
    if not ours or not others:
        return
    against = others[0].start
    yield _row(ours, against, [run.told.probabilities for run in others])
    if len(ours) == len(others) == 1:
        return
    for run in ours:
        same = [other.told.probabilities for other in others if other.seed == run.seed]
        if same:
            yield _row([run], against, same)


def _row(ours: Sequence[Tested], against: str, others: Sequence[NDArray]) -> dict:
    told = ours[0].told
    scores = [run.told.probabilities for run in ours]
    return {
        "start": ours[0].start,
        "against": against,
        "seeds": [run.seed for run in ours],
    } | difference(told.labels, told.patients, np.stack(scores), np.stack(others))


def _kept(run: Tested) -> dict:
    """What the file has of a run."""
    found, config = run.results, run.results["config"]
    named = config | {
        "data": config["data"] and DATA_WORD,
        "run": [Path(folder).name for folder in config["run"]],
        "imagenet_run": None,
    }
    environment = found["environment"]
    return {
        "name": run.name,
        "start": run.start,
        "seed": run.seed,
        "command": options.command(named),
        "config": {key: named.get(key) for key in _OPTIONS},
        "environment": {
            key: environment.get(key) for key in ("backend", "device", "host_cores", "jax")
        },
        "epochs": _epochs(found["history"]),
        **{key: _bare(found[key]) for key in _KEPT},
        **{key: _levels(found[key]) for key in ("test", "test_flips", "test_official")},
        "localization": _located(found["localization"]),
    }  # fmt: skip


def _epochs(history: Sequence[dict]) -> dict[str, int]:
    """How many epochs each phase took."""
    counts: dict[str, int] = {}
    for row in history:
        counts[row["phase"]] = max(row["epoch"], counts.get(row["phase"], 0))
    return counts


def _levels(test: dict | None) -> dict | None:
    if test is None:
        return None
    return {level: {key: test[level][key] for key in _OF_LEVEL} for level in levels.LEVELS}


def _located(found: dict | None) -> dict | None:
    if found is None:
        return None
    froc = found["froc"] or {}
    kept = {key: found[key] for key in _OF_MAPS if key in found}
    kept["froc"] = {key: froc.get(key) for key in _OF_FROC}
    return kept | ({"sweep": _located(found["sweep"])} if "sweep" in found else {})


def _bare(found):
    """The same with names of folders in the place of paths."""
    if isinstance(found, dict):
        return {
            key: Path(of).name
            if key in _FOLDERS and isinstance(of, str) and "/" in of
            else _bare(of)
            for key, of in found.items()
        }
    return [_bare(each) for each in found] if isinstance(found, list) else found
