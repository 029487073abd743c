"""What a run says of whole mammograms and where it looks, as Python is handed it."""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import TYPE_CHECKING, NamedTuple

import numpy as np

from jaxcbis.config import CAM_METHODS
from jaxcbis.data.patches import eight_bit
from jaxcbis.mammograms.finished import FinishedMammogram
from jaxcbis.mammograms.page.answer import called_from

if TYPE_CHECKING:
    from matplotlib.figure import Figure


def doubt(note: str) -> str:
    """What a picture without an edge of the breast is told of, given `note` of its cut."""
    return f"{note}: all of it is taken for breast"


class Answer(NamedTuple):
    """What a run says of one mammogram, to be drawn.

    Attributes:
      image: uint8 [rows, columns], the mammogram.
      view: uint8 [height, width], cut out of it.
      box: x0, y0, x1, y1 of the view in the mammogram.
      probability: of malignancy.
      heat: float32 [height, width], the map over the view.
      note: why the whole mammogram was taken for breast; '' where it was not.
    """

    image: np.ndarray
    view: np.ndarray
    box: tuple[int, int, int, int]
    probability: float
    heat: np.ndarray
    note: str


@dataclass(frozen=True, eq=False, repr=False)
class MammogramExplanation:
    """A run's answer to one mammogram, or to a list of n of them.

    Of a single mammogram every attribute is without the leading n.
    `probabilities, maps = explanation` takes the two arrays out.

    Attributes:
      run: that was asked.
      images: n of uint8 [rows, columns], the grey pixels that it was asked about.
      views: uint8 [n, height, width], the breast cut out of each, turned and padded as the views
        that the run learned from.
      boxes: int32 [n, 4], x0, y0, x1, y1 of each view in its mammogram's pixels; padding may stick
        out of it.
      flipped: bool [n], whether the view is mirrored.
      notes: n texts, why the whole mammogram was taken for breast; '' where it was not.
      probabilities: float64 [n], of malignancy.
      maps: float32 [n, height, width] over the views, of what speaks for malignancy, from 0 to 1;
        zero everywhere where nothing does.
      method: how the maps were made, a key of `jaxcbis.config.CAM_METHODS`.
      stage: whose output they are of; of members with several backbones 'block5 and layer4'.

    Examples:
      >>> found = jaxcbis.explain(whole, ["mammogram.png", "mammogram.png"])
      >>> found.probabilities.shape, found.maps.shape
      ((2,), (2, 96, 64))
      >>> probabilities, maps = found
    """

    run: FinishedMammogram
    images: np.ndarray | list[np.ndarray]
    views: np.ndarray
    boxes: np.ndarray
    flipped: np.ndarray
    notes: str | list[str]
    probabilities: np.ndarray
    maps: np.ndarray
    method: str
    stage: str

    def overlay(self) -> np.ndarray:
        """Each map over its view.

        Returns:
          uint8 [n, height, width, 3], RGB; one alone of a single mammogram.

        Examples:
          >>> jaxcbis.explain(whole, "mammogram.png").overlay().shape
          (96, 64, 3)
        """
        from jaxcbis.report.figures.overlay import overlay

        drawn = [
            overlay(each.view, each.heat, np.zeros(each.view.shape, bool)) for each in self._each()
        ]
        return drawn[0] if self._single else np.stack(drawn)

    def plot(self) -> "Figure":
        """Draws mammogram, map and overlay side by side, a row for each mammogram.

        Probability and run are printed on it, and that it is no medical device.

        Returns:
          A matplotlib figure, 900 pixels wide, that a notebook shows; `savefig` keeps it.

        Examples:
          >>> figure = jaxcbis.explain(whole, "mammogram.png").plot()
          >>> figure.savefig("explained.png")
        """
        from jaxcbis.mammograms import drawn  # here: matplotlib takes a second to import

        return drawn.draw(
            list(self._each()), self.run.results, CAM_METHODS[self.method], str(self.run.folder)
        )

    @property
    def labels(self) -> str | list[str]:
        """n texts, 'malignant' or 'benign', from the operating point of Youden's index.

        Its threshold was chosen on the run's validation split; it is 0.5 where there is none.

        Examples:
          >>> jaxcbis.explain(whole, "mammogram.png").labels in ("malignant", "benign")
          True
        """
        called = np.atleast_1d(self.probabilities) >= called_from(self.run.results)
        found = ["malignant" if each else "benign" for each in called]
        return found[0] if self._single else found

    @property
    def _single(self) -> bool:
        return self.probabilities.ndim == 0

    def _each(self) -> Iterator[Answer]:
        single = self._single
        images = [self.images] if single else self.images
        views, maps = (each[None] if single else each for each in (self.views, self.maps))
        answers = zip(
            images, views, np.atleast_2d(self.boxes), np.atleast_1d(self.probabilities), maps,
            [self.notes] if single else self.notes, strict=True,
        )  # fmt: skip
        for image, view, box, probability, heat, note in answers:
            x0, y0, x1, y1 = map(int, box)
            yield Answer(
                np.asarray(image), eight_bit(view), (x0, y0, x1, y1), float(probability), heat,
                str(note),
            )  # fmt: skip

    def __iter__(self) -> Iterator[np.ndarray]:
        """Probabilities and maps, to take both at once."""
        return iter((self.probabilities, self.maps))

    def __repr__(self) -> str:
        if self._single:
            said = f"malignant {self.probabilities:.2f}"
        else:
            count = len(self.probabilities)
            said = f"{count} mammograms, malignant {self.probabilities.min():.2f} to "
            said += f"{self.probabilities.max():.2f}"
        return f"<MammogramExplanation: {said}; {CAM_METHODS[self.method]}>"
