"""Whether the map of a whole view, or the sweep of a patch run, points at the malignant lesions.

There are no boxes. A map's marks are its local maxima, a sweep's the windows that overlap no better
one. A mark hits a lesion if its middle lies in the lesion's mask; the lesions are the connected
parts of the malignant masks, so that two which touch are one. A mark in a benign lesion is a false
positive: what is to be found is malignancy.
"""

from collections.abc import Iterator, Sequence
from dataclasses import replace
from typing import NamedTuple

import cv2
import numpy as np
from numpy.typing import ArrayLike, NDArray

from jaxcbis.data.mammograms import Views
from jaxcbis.detection.froc import hits, with_intervals
from jaxcbis.errors import UserError
from jaxcbis.evaluation import bootstrap
from jaxcbis.mammograms.figures.baselines import breast
from jaxcbis.mammograms.figures.levels import share_interval

RANDOM, CENTRE = "random", "centre"


class Marks(NamedTuple):
    """What stands out in one view.

    Attributes:
      points: int [k, 2], row and column in the view's pixels.
      scores: float64 [k].
    """

    points: NDArray
    scores: NDArray


#: Of a view in which nothing stands out.
NOTHING = Marks(np.zeros((0, 2), int), np.zeros(0))


def peaks(heat: ArrayLike) -> tuple[NDArray, NDArray]:
    """The local maxima of a map: cells above 0 that none of their eight neighbours exceeds.

    Args:
      heat: [h, w], at least 0.

    Returns:
      Row and column int [k, 2] and value float32 [k], the highest first; of neighbours that are
      equally high the first alone.
    """
    heat = np.asarray(heat, np.float32)
    top = (heat > 0) & (heat >= cv2.dilate(heat, np.ones((3, 3), np.uint8)))
    _, plateaus = cv2.connectedComponents(top.astype(np.uint8))
    _, first = np.unique(plateaus * top, return_index=True)
    first = first[top.ravel()[first]]  # without the background
    first = first[np.argsort(-heat.ravel()[first], kind="stable")]
    return np.stack(np.unravel_index(first, heat.shape), axis=-1), heat.ravel()[first]


def of_map(heat: ArrayLike, probability: float, shape: tuple[int, int]) -> Marks:
    """The marks of one view by its map.

    Args:
      heat: [h, w] of `peaks`, over the whole view.
      probability: of malignancy of the view.
      shape: height and width of the view.

    Returns:
      Where each peak is, `within` its cell; it scores its share of the highest one, times the
      probability, so that marks of several views have one scale. A map of zeros has no mark.
    """
    points, values = peaks(heat)
    cells = np.asarray(shape) / np.shape(heat)
    places = ((points + 0.5 + within(heat, points)) * cells).astype(int)
    return Marks(places, values.astype(np.float64) / values[:1] * float(probability))


def within(heat: ArrayLike, points: NDArray) -> NDArray:
    """How far from the middles of their cells peaks are, in cells, by the neighbours beside them.

    A map's cells are larger than many lesions. Along each axis a parabola through a peak and its
    two neighbours has its top there; at the map's edge, where one is missing, it is the middle.

    Args:
      heat: [h, w].
      points: int [k, 2] of `peaks`.

    Returns:
      float64 [k, 2], from -0.5 to 0.5.
    """
    around = np.pad(np.asarray(heat, np.float64), 1, mode="reflect")
    y, x = points.T + 1
    offsets = []
    for before, after in (
        (around[y - 1, x], around[y + 1, x]),
        (around[y, x - 1], around[y, x + 1]),
    ):
        curved = 2 * around[y, x] - before - after
        flat = curved <= 0
        offsets.append(np.where(flat, 0, (after - before) / np.where(flat, 1, 2 * curved)))
    return np.stack(offsets, axis=-1)


def of_boxes(boxes: ArrayLike, scores: ArrayLike, views: Views, index: int) -> Marks:
    """The marks of one view by boxes in its mammogram, as a sweep gives them.

    Args:
      boxes: [k, 4], half open: x0, y0, x1, y1 in the mammogram's pixels. One whose middle lies
        outside the view is left out, since what is there is not known.
      scores: [k].
      views, index: the view.
    """
    x0, y0, x1, y1 = np.asarray(boxes, np.float64).reshape(-1, 4).T
    left, top, right, bottom = views.boxes[index].astype(np.float64)
    height, width = views.images.shape[1:]
    x = ((x0 + x1) / 2 - left) * width / (right - left)
    y = ((y0 + y1) / 2 - top) * height / (bottom - top)
    points = np.floor(np.stack([y, width - x if views.flipped[index] else x], axis=-1)).astype(int)
    inside = ((points >= 0) & (points < (height, width))).all(axis=1)
    return Marks(points[inside], np.asarray(scores, np.float64)[inside])


def of_maps(views: Views, maps: ArrayLike, probabilities: ArrayLike) -> dict:
    """The figures of the whole-image model's maps.

    Args:
      views: of the test split.
      maps: [n, h, w] of malignancy, at least 0, on a grid over the whole view.
      probabilities: [n] of malignancy.

    Returns:
      {n, pointing_game, pointing_game_ci95, blind: {random, centre}, over_blind: {random, centre:
      {difference, difference_ci95, verdict}}, froc, views, left_out}. The pointing game is over the
      n malignant views whose masks are all known, froc over all views whose masks are
      (`froc.with_intervals`; of its curve only the points where the sensitivity rises and the last,
      to be drawn as steps); left_out is how many views are in neither. Intervals are by patient.
      Besides {grid, grid_ceiling}: height and width of the maps, and the pointing game of a map as
      coarse that knows where the lesions are (the masks, blurred by half a cell).
    """
    grid = np.shape(maps)[1:]
    found = score(views, marks_of_maps(views, maps, probabilities))
    return found | {"grid": list(grid), "grid_ceiling": _ceiling(views, grid)}


def _ceiling(views: Views, grid: tuple[int, ...]) -> float | None:
    """The pointing game of a map as coarse as ours that knows where the lesions are.

    It is the mask, blurred by a Gaussian whose deviation is half a cell, and averaged to the grid:
    a cell of a network sees somewhat beyond its edges.
    """
    (rows, columns), (height, width) = grid, views.images.shape[1:]
    marks = [NOTHING] * len(views.labels)
    for i in _game(views):
        mask = views.malignant_masks[i].astype(np.float32)
        blurred = cv2.GaussianBlur(mask, (0, 0), width / columns / 2, sigmaY=height / rows / 2)
        heat = cv2.resize(blurred, (columns, rows), interpolation=cv2.INTER_AREA)
        marks[i] = of_map(heat, 1.0, (height, width))
    hit = pointing(views, marks)
    return float(hit.mean()) if len(hit) else None


def marks_of_maps(views: Views, maps: ArrayLike, probabilities: ArrayLike) -> list[Marks]:
    """`of_map` of every view.

    Raises:
      UserError: a map is not finite.
    """
    maps = np.asarray(maps)
    if broken := int((~np.isfinite(maps)).any((1, 2)).sum()):
        raise UserError(
            f"maps of {broken} of {len(maps)} views are not finite: the training diverged; "
            "lower the learning rates"
        )
    shape = views.images.shape[1:]
    return [
        of_map(heat, probability, shape)
        for heat, probability in zip(maps, np.asarray(probabilities), strict=True)
    ]


def of_sweep(views: Views, swept: Sequence[Marks | None], ours: Sequence[Marks]) -> dict:
    """The figures of the patch run's sweep of the same views.

    Args:
      views: of `of_maps`.
      swept: of `of_boxes`, by view; None where it could not be swept, which leaves the view out of
        all that is said here.
      ours: of `marks_of_maps`.

    Returns:
      As of `of_maps`, and {difference, difference_ci95, verdict}: how much more often our maps
      point at a malignant lesion than the sweep's best window, on the same views.
    """
    done = np.array([marks is not None for marks in swept], bool)
    seen = replace(views, masked=views.masked & done)
    marks = [NOTHING if found is None else found for found in swept]
    patients = np.asarray(views.patients)[_game(seen)]
    more = _difference(pointing(seen, ours), pointing(seen, marks), patients)
    return score(seen, marks) | more


def score(views: Views, marks: Sequence[Marks]) -> dict:
    """The figures of `of_maps`, of any marks.

    Raises:
      ValueError: there is not one entry per view.
    """
    if len(marks) != len(views.labels):
        raise ValueError(f"expected marks of {len(views.labels)} views, got {len(marks)}")
    hit, patients = pointing(views, marks), np.asarray(views.patients)[_game(views)]
    n, known = len(hit), np.flatnonzero(views.masked).tolist()
    guessed = blind(views)
    return {
        "n": n,
        "pointing_game": float(hit.mean()) if n else None,
        "pointing_game_ci95": share_interval(hit, bootstrap.draw(patients), np.arange(n)),
        "blind": {name: float(of.mean()) if n else None for name, of in guessed.items()},
        "over_blind": {name: _difference(hit, of, patients) for name, of in guessed.items()},
        "froc": _froc(views, marks, known),
        "views": len(known),
        "left_out": len(views.labels) - len(known),
    }


def pointing(views: Views, marks: Sequence[Marks]) -> NDArray[np.bool_]:
    """Whether the best mark lies in a malignant lesion, by view of `_game` (Zhang et al., 2016)."""
    found = [(views.malignant_masks[i], marks[i]) for i in _game(views)]
    return np.array(
        [len(of.scores) > 0 and mask[tuple(of.points[of.scores.argmax()])] for mask, of in found],
        bool,
    )


def blind(views: Views) -> dict[str, NDArray]:
    """What is hit without looking, float64 by view of `_game`.

    Returns:
      RANDOM: how often a random point of the breast lies in a malignant lesion; CENTRE: whether
      the middle of the breast does.
    """
    game = _game(views)
    random, centre = np.zeros((2, len(game)))
    for k, i in enumerate(game):
        mask, inside = views.malignant_masks[i], breast(views.images[i])
        size = np.count_nonzero(inside)
        if size:
            random[k] = np.count_nonzero(mask & inside) / size
            y, x = (
                round(float(inside.sum(axis=axis) @ np.arange(inside.shape[1 - axis]) / size))
                for axis in (1, 0)
            )
            centre[k] = mask[y, x]
    return {RANDOM: random, CENTRE: centre}


def _game(views: Views) -> NDArray:
    """The malignant views whose masks are all known, int [n].

    A malignant mask that reducing the mammogram left empty cannot be met and is left out.
    """
    return np.flatnonzero(views.masked & views.malignant_masks.any((1, 2)))


def _difference(one: NDArray, other: NDArray, patients: NDArray) -> dict:
    """How much more often the first hits, with the interval of a paired bootstrap by patient."""
    times, more = bootstrap.draw(patients), one.astype(float) - other
    interval = None
    if times is not None:
        interval = bootstrap.interval_of_difference(bootstrap.mean(more, times))
    return {
        "difference": float(more.mean()) if len(more) else None,
        "difference_ci95": interval,
        "verdict": bootstrap.verdict(interval),
    }


def _froc(views: Views, marks: Sequence[Marks], known: list[int]) -> dict:
    found = []
    for i in known:
        y, x = marks[i].points.reshape(-1, 2).T
        found.append(hits(np.stack([x, y, x, y], axis=-1), list(lesions(views.malignant_masks[i]))))
    times = bootstrap.draw(np.asarray(views.patients)[known])
    figures = with_intervals([marks[i].scores for i in known], found, times)
    return figures | _thinned(figures)


def lesions(mask: NDArray) -> Iterator[NDArray[np.bool_]]:
    """The connected parts of a mask, each of its size."""
    count, parts = cv2.connectedComponents(mask.astype(np.uint8))
    for k in range(1, count):
        yield parts == k


def _thinned(figures: dict) -> dict:
    """The points of a curve where the sensitivity rises, and the last: the steps are the same."""
    if not figures["sensitivity"]:
        return {}
    sensitivity = np.asarray(figures["sensitivity"])
    kept = np.diff(sensitivity, prepend=-1) > 0
    kept[-1] = True
    names = ("thresholds", "false_positives_per_image", "sensitivity")
    return {name: np.asarray(figures[name])[kept].tolist() for name in names}
