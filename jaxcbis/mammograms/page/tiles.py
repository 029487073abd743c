"""The answer of a mammogram run in four figures."""

from typing import NamedTuple

from jaxcbis.mammograms.page.answer import BLIND, blind, held_against, level
from jaxcbis.report.tables import NONE, number


class Tile(NamedTuple):
    """One figure.

    Attributes:
      name: of the figure.
      value: of the run.
      interval: its 95 % interval, in words; '' where it has none.
      beside: what it is to be held against, names and values.
      note: what a reader must know besides.
    """

    name: str
    value: str
    interval: str
    beside: list[tuple[str, str]]
    note: str = ""


def of(results: dict) -> list[Tile]:
    """AUC per view, AUC per patient, the difference to the sweep, and the pointing game.

    Args:
      results: content of results.json.

    Returns:
      Four, or three where the patch run was not swept; what is not known is a dash. None of a run
      that was not tested.
    """
    if not level(results, "view"):
        return []
    swept = [_sweep(results)] if "sweep_maximum" in held_against(results) else []
    return [_auc(results, "view"), _auc(results, "patient"), *swept, _pointing(results)]


def _auc(results: dict, name: str) -> Tile:
    found = level(results, name)
    flips = ((results.get("test_flips") or {}).get(name) or {}).get("auc")
    beside = [("Chance", "0.50")]
    if flips is not None:
        beside.append(("With flips averaged", number(flips)))
    note = f"{found['positives']} of {found['n']} malignant." if found else ""
    if found.get("auc") is not None and found["auc_ci95"] is None:
        note += " No interval: no resampling changes it."
    return Tile(f"AUC per {name}", *_figure(found, "auc"), beside, note)


def _sweep(results: dict) -> Tile:
    found = held_against(results).get("sweep_maximum") or {}
    value, interval = found.get("difference"), found.get("difference_ci95")
    beside = [("Sweep's highest window", number(found.get("auc")))]
    if verdict := found.get("verdict"):
        beside.append(("The run is", verdict))
    return Tile(
        "AUC less the sweep's",
        NONE if value is None else f"{value:+.2f}",
        f"{interval[0]:+.2f} to {interval[1]:+.2f}" if interval else "",
        beside,
    )


def _pointing(results: dict) -> Tile:
    found = results.get("localization") or {}
    beside = [(f"{name[0].upper()}{name[1:]}", _blind(found, key)) for key, name in BLIND.items()]
    known = found.get("pointing_game") is not None
    note = f"{found['n']} malignant views with masks." if known else "No masks to hold it against."
    return Tile("Pointing game", *_figure(found, "pointing_game"), beside, note)


def _blind(found: dict, name: str) -> str:
    """What a blind guess reaches, and whether the map is better."""
    verdict = ((found.get("over_blind") or {}).get(name) or {}).get("verdict")
    return number(blind(found, name)) + (f"; the map is {verdict}" if verdict else "")


def _figure(found: dict, name: str) -> tuple[str, str]:
    interval = found.get(f"{name}_ci95")
    return number(found.get(name)), f"{interval[0]:.2f} to {interval[1]:.2f}" if interval else ""
