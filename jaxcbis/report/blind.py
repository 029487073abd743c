"""Blind maps, which are made without a model: what a run's maps have to beat."""

from typing import NamedTuple

from jaxcbis.evaluation.bootstrap import WITHIN_NOISE

#: Of the mask itself, at the map's grid: no blind map, but the most that any map could reach.
CEILING = "grid_ceiling"
#: Blind maps, by their keys in results.json, from the simplest on; and the ceiling.
BASELINES = {
    "all_ones": "a map of all ones",
    "centred_gaussian": "a centred Gaussian",
    "mean_training_mask": "the mean training mask",
    "blurred_brightness": "the blurred brightness",
    "random": "random maps",
    CEILING: "the mask at the map's grid",
}


class Blind(NamedTuple):
    """The best blind map, and the run's maps against it.

    Attributes:
      name: of the map.
      value: what it reaches.
      difference, interval: of the run's maps less it, with its 95 % interval.
      verdict: on that: better, worse or within noise.
    """

    name: str
    value: float
    difference: float
    interval: list[float]
    verdict: str

    @property
    def beside(self) -> str:
        """The verdict as it is said of the run's maps, e.g. 'better than' or 'within noise of'."""
        return f"{self.verdict} {'of' if self.verdict == WITHIN_NOISE else 'than'}"

    def __str__(self) -> str:
        low, high = self.interval
        return (
            f"{self.beside} {self.name}, the best blind map ({self.value:.2f}; "
            f"difference {self.difference:+.2f}, 95 % interval {low:+.2f} to {high:+.2f})"
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
    known = [key for key, of in gains.items() if of["verdict"]]
    if not known:
        return None
    best = max(known, key=lambda key: reached[key])
    of = gains[best]
    return Blind(BASELINES[best], reached[best], of["difference"], of["ci95"], of["verdict"])


def best_known(found: dict) -> tuple[str, float] | None:
    """The best of them by LL score where nothing was compared: its name, and what it reaches.

    Args:
      found: 'localization' of results.json.
    """
    of_all = {key: value for key, value in found["baselines"].items() if key != CEILING}
    reached = [(BASELINES[key], value) for key, value in of_all.items() if value is not None]
    return max(reached, key=lambda item: item[1], default=None)
