"""What a run says of pictures and where it looks, as Python is handed it."""

from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from jaxcbis.config import CAM_METHODS
from jaxcbis.labels import LABELS
from jaxcbis.runs.finished import Finished

if TYPE_CHECKING:
    from matplotlib.figure import Figure


@dataclass(frozen=True, eq=False, repr=False)
class Explanation:
    """A run's answer to one picture, or to a list of n of them.

    Of a single picture every attribute is without the leading n, and the lists are their one item.
    `probabilities, maps = explanation` takes the two arrays out.

    Attributes:
      run: that was asked.
      images: n of uint8 [height, width], the grey pixels that it was asked about.
      labels: n names, the most probable classes.
      probabilities: float64 [n, classes], in the order of `jaxcbis.LABELS`.
      maps: float32 [n, size, size], class activation maps at the model's size, at least 0 and not
        scaled; zero everywhere where nothing speaks for the class.
      targets: n names, the classes that the maps are of.
      method: how the maps were made, a key of `jaxcbis.config.CAM_METHODS`.
      stage: whose output they are of.

    Examples:
      >>> found = jaxcbis.explain(run, ["patch.png", "mammogram.png"])
      >>> found.probabilities.shape, found.maps.shape
      ((2, 5), (2, 32, 32))
      >>> probabilities, maps = found
    """

    run: Finished
    images: np.ndarray | list[np.ndarray]
    labels: str | list[str]
    probabilities: np.ndarray
    maps: np.ndarray
    targets: str | list[str]
    method: str
    stage: str

    def overlay(self) -> np.ndarray | list[np.ndarray]:
        """Each map over its picture.

        Returns:
          n of uint8 [height, width, 3], RGB; one alone of a single picture. A picture that is
          smaller than the model's input is enlarged to it.

        Examples:
          >>> jaxcbis.explain(run, "patch.png").overlay().shape  # a patch of 18 x 24 pixels
          (43, 32, 3)
        """
        from jaxcbis.report.figures.overlay import over

        drawn = [over(image, heat) for image, _, heat, _ in self._each()]
        return drawn[0] if self._single else drawn

    def plot(self) -> "Figure":
        """Draws picture, map and overlay side by side, a row for each picture.

        Class, probability and run are printed on it, and that it is no medical device.

        Returns:
          A matplotlib figure, 900 pixels wide, that a notebook shows; `savefig` keeps it.

        Examples:
          >>> figure = jaxcbis.explain(run, "patch.png").plot()
          >>> figure.savefig("explained.png")
        """
        from jaxcbis.report.figures import explained  # here: matplotlib takes a second to import

        answers = [explained.Answer(*each) for each in self._each()]
        method = CAM_METHODS[self.method]
        return explained.draw(answers, self.run.results, method, str(self.run.folder))

    @property
    def _single(self) -> bool:
        return self.probabilities.ndim == 1

    def _each(self) -> Iterator[tuple[np.ndarray, np.ndarray, np.ndarray, int]]:
        """Picture, probabilities, map and the index of its class, of every picture."""
        single = self._single
        images = [self.images] if single else self.images
        targets = [self.targets] if single else self.targets
        maps = self.maps[None] if single else self.maps
        of_classes = np.atleast_2d(self.probabilities)
        for image, probabilities, heat, target in zip(
            images, of_classes, maps, targets, strict=True
        ):
            yield np.asarray(image), probabilities, heat, LABELS.index(str(target))

    def __iter__(self) -> Iterator[np.ndarray]:
        """Probabilities and maps, to take both at once."""
        return iter((self.probabilities, self.maps))

    def __repr__(self) -> str:
        if self._single:
            said = f"{self.labels} {self.probabilities.max():.2f}"
        else:
            counts = Counter(self.labels).most_common()
            said = f"{len(self.labels)} pictures, " + ", ".join(f"{n} {name}" for name, n in counts)
        return f"<Explanation: {said}; {CAM_METHODS[self.method]}>"
