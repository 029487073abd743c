"""How far to trust a run's maps: faithfulness and randomisation on a few of its test patches."""

from functools import partial

import numpy as np

from jaxcbis.audit import faithfulness, randomization
from jaxcbis.data import normalization
from jaxcbis.data.patches import Patches
from jaxcbis.evaluation import activation_maps, baselines, bootstrap, cam
from jaxcbis.evaluation.activation_maps import Maps
from jaxcbis.runs import answers
from jaxcbis.runs.finished import Finished

#: Test patches on which the maps are looked at; each costs dozens of passes.
SAMPLE = 64
SEED = 0


def sample(test: Patches) -> np.ndarray:
    """Indices of the same few test patches for every run of a protocol."""
    return np.sort(np.random.default_rng(SEED).permutation(len(test))[:SAMPLE])


def faithful(run: Finished, patches: Patches, found: Maps) -> dict:
    """Areas of `faithfulness.areas` for the maps, and for orders that have seen no image.

    Args:
      run: of which the maps are.
      patches: a sample of the test set.
      found: the run's maps of them.

    Returns:
      {'n', 'deletion', 'insertion'}: each of the latter has {'mean', 'ci95'} of 'maps', 'random',
      'centred_gaussian' and 'maps_less_random'.
    """
    images = normalization.normalize(patches.images, run.statistics)
    enlarged = cam.enlarge(found.maps, images.shape[1])
    gaussian = np.broadcast_to(baselines.centred_gaussian(images.shape[1]), enlarged.shape)
    orders = {"maps": enlarged, "random": np.zeros_like(enlarged), "centred_gaussian": gaussian}
    classes = found.logits.argmax(1)
    areas = faithfulness.areas(
        partial(answers.probabilities, run), images, orders, classes, SEED,
        intact=activation_maps.softmax(found.logits),
    )  # fmt: skip
    times = bootstrap.draw(patches.patients)
    row: dict = {"n": len(patches)}
    for kind in ("deletion", "insertion"):
        row[kind] = {name: _with_interval(of[kind], times) for name, of in areas.items()}
        gain = areas["maps"][kind] - areas["random"][kind]
        row[kind]["maps_less_random"] = _with_interval(gain, times)
    return row


def randomized(run: Finished, patches: Patches, found: Maps) -> dict:
    """Similarities of `randomization.cascade`; arguments as of `faithful`.

    Returns:
      {'n', 'stages': [{'stage', 'constant_maps', 'mean', 'ci95'}]}, from the head inwards.
    """
    config = run.config
    images = normalization.normalize(patches.images, run.statistics)
    similarity = randomization.cascade(
        run.model, images, found, method=config.cam_method, stage=config.cam_stage
    )
    times = bootstrap.draw(patches.patients)
    stages = []
    for stage, values in similarity.items():
        known = ~np.isnan(values)
        drawn = None if times is None else times[:, known]
        stages.append(
            {"stage": stage, "constant_maps": int((~known).sum())}
            | _with_interval(values[known], drawn)
        )
    return {"n": len(patches), "stages": stages}


def _with_interval(values: np.ndarray, times: np.ndarray | None) -> dict:
    if not len(values):
        return {"mean": None, "ci95": None}
    interval = None if times is None else bootstrap.interval(bootstrap.mean(values, times))
    return {"mean": float(values.mean()), "ci95": interval}
