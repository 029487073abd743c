"""Blind maps, which are made without a model: what a run's maps have to beat."""

from typing import NamedTuple

from jaxcbis.evaluation.bootstrap import WITHIN_NOISE

#: Of the mask itself, at the map's grid: no blind map, and no bound of what a map can reach.
MASK_ITSELF = "grid_ceiling"
#: Blind maps, by their keys in results.json, from the simplest on; and the mask itself.
BASELINES = {
    "all_ones": "a map of all ones",
    "centred_gaussian": "a centred Gaussian",
    "mean_training_mask": "the mean training mask",
    "blurred_brightness": "the blurred brightness",
    "random": "random maps",
    MASK_ITSELF: "the mask itself, at the map's grid",
}


#: What is said in place of every figure on maps where there is nothing to hold them against.
NO_MASKS = "no masks, so nothing is said of where the model looks"


def without_masks(found: dict | None) -> bool:
    """Whether no lesion of the test set has a mask.

    Args:
      found: 'localization' of results.json.
    """
    if not found or not found.get("n_without_mask"):
        return False
    return found["samples"]["all"]["lesions"]["n"] == 0


def unscored(found: dict | None) -> str:
    """Why there is no LL score, though lesions have masks."""
    which = "no lesion with a mask" if found and found.get("n_without_mask") else "no lesion"
    return f"{which} was classified correctly"


class Blind(NamedTuple):
    """The best blind map, and the run's maps against it.

    Attributes:
      name: of the map.
      value: what it reaches.
      difference, interval: of the run's maps less it, with its 95 % interval if it has one.
      verdict: on that: better, worse or within noise; None where it is not known.
    """

    name: str
    value: float
    difference: float
    interval: list[float] | None
    verdict: str | None

    @property
    def beside(self) -> str:
        """The verdict as it is said of the run's maps, e.g. 'better than' or 'within noise of'."""
        if self.verdict is None:
            return "without a verdict against"
        return f"{self.verdict} {'of' if self.verdict == WITHIN_NOISE else 'than'}"

    def __str__(self) -> str:
        spread = (
            ", 95 % interval {:+.2f} to {:+.2f}".format(*self.interval) if self.interval else ""
        )
        return (
            f"{self.beside} {self.name}, the best blind map ({self.value:.2f}; "
            f"difference {self.difference:+.2f}{spread})"
        )


def against_blind_maps(found: dict) -> Blind | None:
    """The run's maps against the best blind map, by LL score.

    Args:
      found: 'localization' of results.json.

    Returns:
      None where nothing was compared, as before there was such a comparison, or with one patient.
    """
    of_all = found.get("against_baselines") or {}
    return _best(of_all, {key: found["baselines"][key] for key in of_all})


def pointing_against_blind_maps(found: dict) -> Blind | None:
    """The same by the pointing game; None where it was not compared, as in earlier versions."""
    of_all = found.get("against_baselines") or {}
    gains = {key: of["pointing_game"] for key, of in of_all.items() if of.get("pointing_game")}
    reached = {
        key: found["pointing_game"] - of["difference"]
        for key, of in gains.items()
        if of["difference"] is not None
    }
    return _best(gains, reached)


def _best(gains: dict[str, dict], reached: dict[str, float]) -> Blind | None:
    """The one that reached most of those that the run's maps could be held against."""
    if not any(of["verdict"] for of in gains.values()):
        return None
    best = max(reached, key=lambda key: reached[key])
    of = gains[best]
    return Blind(BASELINES[best], reached[best], of["difference"], of["ci95"], of["verdict"])


def best_known(found: dict) -> tuple[str, float] | None:
    """The best of them by LL score where nothing was compared: its name, and what it reaches.

    Args:
      found: 'localization' of results.json.
    """
    of_all = {key: value for key, value in found["baselines"].items() if key != MASK_ITSELF}
    reached = [(BASELINES[key], value) for key, value in of_all.items() if value is not None]
    return max(reached, key=lambda item: item[1], default=None)
