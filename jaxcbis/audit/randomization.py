"""Whether maps depend on what was learnt: the cascading parameter randomisation test.

Adebayo et al., Sanity Checks for Saliency Maps, NeurIPS 2018.
"""

import numpy as np
from flax.traverse_util import flatten_dict, unflatten_dict
from numpy.typing import NDArray
from scipy.stats import spearmanr

from jaxcbis.evaluation import activation_maps, cam
from jaxcbis.evaluation.activation_maps import Maps
from jaxcbis.models.initialization import initialize
from jaxcbis.models.model import HEAD, Model

#: Of the fresh parameters; not a seed that a run would begin with.
SEED = 987_654_321


def cascade(
    model: Model,
    images: NDArray,
    known: Maps,
    *,
    method: str = "gradcam",
    stage: str | None = None,
) -> dict[str, NDArray]:
    """Similarity of maps to the trained model's, as stage after stage is made random again.

    Args:
      model: the trained one.
      images: float32 [n, size, size, 1], normalised.
      known: the trained model's maps of them.
      method, stage: of the maps, see `activation_maps.maps`. They are of the class that the trained
        model predicts.

    Returns:
      By stage, from the head inwards, Spearman's rank correlation of each map with the trained
      model's [n], once this stage and those before it are random; NaN where a map is constant.
    """

    trained, classes = cam.enlarge(known.maps, images.shape[1]), known.logits.argmax(1)
    similarity = {}
    for part in (HEAD, *reversed(model.stages)):
        model = model.update(fresh(model, part))
        of_classes = activation_maps.maps(
            model, images, labels=classes, method=method, stage=stage
        ).of_labels
        assert of_classes is not None
        pairs = zip(trained, cam.enlarge(of_classes, images.shape[1]), strict=True)
        similarity[part] = np.array([_correlation(*pair) for pair in pairs])
    return similarity


def fresh(model: Model, stage: str) -> Model:
    """A stage's arrays, drawn anew as before any training."""
    paths = [flatten_dict(tree, sep="/") for tree in (model.params, model.stats)]
    drawn = initialize({path: leaf.shape for of in paths for path, leaf in of.items()}, SEED)
    trees = (unflatten_dict({path: drawn[path] for path in of}, sep="/") for of in paths)
    return model.replace(*trees).select([stage])


def _correlation(one: NDArray, two: NDArray) -> float:
    if _is_constant(one) or _is_constant(two):
        return float("nan")
    return float(spearmanr(one, two, axis=None).statistic)


def _is_constant(heat: NDArray) -> bool:
    # Upsampling a constant leaves rounding behind, whose ranks would mean nothing.
    return bool(np.ptp(heat) <= 1e-6 * np.abs(heat).max())
