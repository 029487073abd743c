"""What the audit finds of runs on the shifted cut: `looking` of audit.json."""

from collections.abc import Mapping, Sequence
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from jaxcbis.audit.looking import asking, comparing, picture
from jaxcbis.audit.looking.comparing import Asked
from jaxcbis.data.patches import Dataset, Patches
from jaxcbis.evaluation import baselines, bootstrap, covering, localization
from jaxcbis.evaluation.activation_maps import Maps
from jaxcbis.labels import BACKGROUND, LABELS
from jaxcbis.machine.console import say
from jaxcbis.runs.finished import Finished

#: Of the noise in covered lesions, the same for all runs.
SEED = 0


def record(
    runs: Sequence[Finished], dataset: Dataset, known: Mapping[Path, Maps], folder: Path
) -> dict:
    """Asks runs about the shifted test set, compares them, and draws looking.png.

    Args:
      runs: by the shifted protocol and, to be asked what they were not trained on, by the clean
        one.
      dataset: of the shifted protocol.
      known: maps of the test set that were made already, by the run's folder.
      folder: for looking.png.

    Returns:
      {n, runs, differences, blind, picture}. n: {test, lesions, covered, patients, per_class,
      lesion_side: median of the longer side in pixels of the mammogram, if known}. runs: of each
      {run, protocol, backbone, strategy, head, output_stride, cam_method, look_weight, seed,
      image_size, windows, epochs, precision, device, alike, grid, threshold_from_validation,
      figures: {name: {value, ci95}}, blind: of `comparing.blind`}; alike: whether another run, of
      other options, has the same from protocol to seed.
      differences: of `comparing.differences`. blind: [{name, grid, figures}], of every lesion.
      picture: of `picture.write`.

    Raises:
      UserError: looking.png cannot be written.
    """
    test, validation = dataset.splits["test"], dataset.splits["validation"]
    covered = covering.cover(test, SEED)
    times = comparing.times(test.patients)
    of_blind: dict[int, dict[str, dict[str, NDArray]]] = {}
    shown = [_shown(run) for run in runs]
    asked, drawn, rows = [], [], []
    for run in runs:
        say(f"{run.folder.name}: does it look at the lesion?")
        look = asking.ask(run, test, validation, covered, known.get(run.folder))
        grid = look.maps.shape[1]
        if grid not in of_blind:
            of_blind[grid] = _of_blind(dataset, grid)
        asked.append(Asked(run, look))
        drawn.append(comparing.drawn(look, test, covered.items, times))
        rows.append(
            comparing.pair_of(run.config)
            | {
                "run": run.folder.name, "protocol": run.config.protocol,
                "look_weight": run.config.look_weight, "seed": run.config.seed,
                "image_size": run.config.image_size, "windows": run.config.windows,
                "epochs": run.config.epochs, "precision": run.config.precision,
                "device": run.results["environment"]["device"],
                "alike": shown.count(_shown(run)) > 1, "grid": grid,
                "threshold_from_validation": look.threshold,
                "figures": comparing.figures(drawn[-1]),
                "blind": comparing.blind(look, of_blind[grid], test, times),
            }
        )  # fmt: skip
    lesions = test.labels != BACKGROUND
    return {
        "n": {
            "test": len(test), "lesions": int(lesions.sum()), "covered": len(covered.items),
            "patients": len(np.unique(test.patients)),
            "per_class": {name: int((test.labels == k).sum()) for k, name in enumerate(LABELS)},
            "lesion_side": _lesion_side(test.select(lesions)),
        },
        "runs": rows,
        "differences": comparing.differences(asked, drawn),
        "blind": [
            {"name": name, "grid": grid, "figures": _means(of, times[:, lesions])}
            for grid, by_name in of_blind.items()
            for name, of in by_name.items()
        ],
        "picture": picture.write(folder / picture.NAME, asked, test),
    }  # fmt: skip


def _shown(run: Finished) -> tuple:
    """What tells a run from others in tables and sentences."""
    config = run.config
    return (*comparing.pair_of(config).values(), config.protocol, config.look_weight, config.seed)


def _lesion_side(lesions: Patches) -> float | None:
    if not len(lesions) or not lesions.sizes.all():
        return None
    extents = [lesions.masks.any(axis).sum(1) for axis in (1, 2)]  # in columns and in rows
    shares = np.stack(extents, 1) / lesions.masks.shape[1]
    return float(np.median((shares * lesions.sizes).max(1)))


def _of_blind(dataset: Dataset, grid: int) -> dict[str, dict[str, NDArray]]:
    """By name, figures of the maps made without a model, of every test lesion."""
    test = dataset.splits["test"]
    lesions = np.flatnonzero(test.labels != BACKGROUND)
    maps = baselines.of(test, lesions, grid, SEED, baselines.mean_mask(dataset.splits["train"]))
    return {
        name: asking.figures(maps[name], test, None)
        for name in localization.AGAINST
        if name in maps
    }


def _means(of: Mapping[str, NDArray], times: NDArray) -> dict[str, dict]:
    return comparing.figures(
        {name: bootstrap.mean(of[name], times) for name in comparing.OF_BLIND_MAPS}
    )
