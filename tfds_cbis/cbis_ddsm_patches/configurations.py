"""What the data set's configurations hold, and how each of them is made of a release."""

import functools
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any, NamedTuple

import numpy as np
import tensorflow_datasets as tfds

from tfds_cbis import cutting, planning, whole_views
from tfds_cbis.cutting import Cut
from tfds_cbis.labels import LABELS
from tfds_cbis.planning import Dropped
from tfds_cbis.protocols import PROTOCOLS, Protocol
from tfds_cbis.release.files import Release
from tfds_cbis.threads import Mapper

#: Windows on each lesion of the train split where they are drawn, and the most there may be.
WINDOWS, MOST_WINDOWS = 3, 20

#: Names of the configurations: of a protocol and of whether the images are DICOM files. Those of
#: another number of windows than `WINDOWS` end in it.
NAMES = {
    ("paper", False): "paper",
    ("clean", False): "clean",
    ("shifted", False): "shifted",
    ("paper", True): "dicom",
    ("clean", True): "dicom_clean",
    ("shifted", True): "dicom_shifted",
}


class Planned(NamedTuple):
    """What is to be made of a release.

    Attributes:
      jobs: of each mammogram; by split.
      dropped: what can already be seen to be missing.
      facts: for the metadata.
    """

    jobs: list[Any]
    dropped: Dropped
    facts: dict[str, Any]


@dataclass(eq=False, kw_only=True)
class PatchesConfig(tfds.core.BuilderConfig):
    """Patches of lesions and background.

    Attributes:
      protocol: how patches are cut.
      dicom: whether they are cut from the DICOM release, whose 16 bit they keep.
      windows: on each lesion of the train split; 1 where the protocol draws none.
    """

    protocol: Protocol
    dicom: bool
    windows: int

    def fitting(self, *, dicom: bool) -> str:
        """The configurations for a kind of release."""
        return " or ".join(name for (_, of_dicom), name in NAMES.items() if of_dicom == dicom)

    def features(self) -> Mapping[str, Any]:
        """Of an example."""
        return {
            "image": _grey(doc="Patch at source resolution.", dtype=_depth(self.dicom)),
            "mask": _grey(doc="255 inside the lesion, 0 elsewhere and in background."),
            "label": tfds.features.ClassLabel(names=LABELS),
            "id": tfds.features.Text(),
            "window": tfds.features.Scalar(
                dtype=np.int32,
                doc="Number among the lesion's windows; of background, with which it goes.",
            ),
            **_place(),
            "pathology": tfds.features.Text(doc="As in the CSV row."),
            "abnormality_type": tfds.features.Text(doc="mass or calcification."),
        }

    def plan(
        self, release: Release, *, background_size: int | None, seed: str, mapper: Mapper
    ) -> Planned:
        """Decides what every mammogram has to give, see `planning.plan`."""
        jobs, dropped = planning.plan(
            release, self.protocol, background_size=background_size, seed=seed, count=self.windows,
            mapper=mapper,
        )  # fmt: skip
        return Planned(jobs, dropped, {"windows": self.windows})

    def make(
        self, release: Release, jobs: list[Any], *, seed: str, mapper: Mapper
    ) -> Iterator[Cut]:
        """Makes the examples of a split, see `cutting.cut_split`."""
        return cutting.cut_split(release, jobs, self.protocol, seed=seed, mapper=mapper)


@dataclass(eq=False, kw_only=True)
class MammogramsConfig(tfds.core.BuilderConfig):
    """Whole mammograms, the breast cut out.

    Attributes:
      dicom: as of PatchesConfig.
      height, width: of the images in pixels.
    """

    dicom: bool
    height: int
    width: int

    def fitting(self, *, dicom: bool) -> str:
        """The configuration for a kind of release."""
        return mammograms_name(self.height, self.width, dicom=dicom)

    def features(self) -> Mapping[str, Any]:
        """Of an example."""
        image = functools.partial(_grey, shape=(self.height, self.width, 1))
        return {
            "image": image(
                doc="The breast, its chest wall on the left, 0 around it.", dtype=_depth(self.dicom)
            ),
            "mask": image(doc="255 inside any lesion known in it."),
            "malignant_mask": image(doc="255 inside a malignant one."),
            "label": tfds.features.ClassLabel(names=whole_views.LABELS),
            "id": tfds.features.Text(),
            **_place(),
            "flipped": tfds.features.Scalar(dtype=np.bool_, doc="Whether it is mirrored."),
            "masked": tfds.features.Scalar(
                dtype=np.bool_, doc="Whether the masks of all its lesions could be read."
            ),
        }

    def plan(
        self, release: Release, *, background_size: int | None, seed: str, mapper: Mapper
    ) -> Planned:
        """Decides which mammograms there are, see `whole_views.plan`; the rest is not used."""
        lesions, dropped = release.lesions()
        jobs, lost = whole_views.plan(lesions)
        whole_views.require_some(release, jobs, dropped + lost)
        repeated = sum(len(job.again) for job in jobs)
        return Planned(jobs, dropped + lost, {"windows": 1, "repeated": repeated})

    def make(
        self, release: Release, jobs: list[Any], *, seed: str, mapper: Mapper
    ) -> Iterator[Cut]:
        """Makes the examples of a split, see `whole_views.make_split`; nothing is drawn."""
        return whole_views.make_split(release, jobs, self.height, self.width, mapper=mapper)


def config_name(protocol: str, *, dicom: bool, windows: int) -> str:
    """The configuration of a protocol, a kind of release and a number of windows."""
    name = NAMES[protocol, dicom]
    usual = PROTOCOLS[protocol].shares is None or windows == WINDOWS
    return name if usual else f"{name}_{windows}"


def mammograms_name(height: int, width: int, *, dicom: bool) -> str:
    """The configuration of whole mammograms at a size and of a kind of release."""
    size = "" if (height, width) == whole_views.SIZE else f"_{height}x{width}"
    return f"{'dicom_' * dicom}mammograms{size}"


def of_patches() -> Iterator[PatchesConfig]:
    """All configurations of patches."""
    for protocol, dicom in NAMES:
        rule = PROTOCOLS[protocol]
        for windows in (1,) if rule.shares is None else range(1, MOST_WINDOWS + 1):
            drawn = (rule.shares is not None) * f" {windows} of a lesion to train on."
            yield PatchesConfig(
                name=config_name(protocol, dicom=dicom, windows=windows),
                description=rule.description + drawn + dicom * " 16 bit.",
                protocol=rule,
                dicom=dicom,
                windows=windows,
            )


@functools.cache
def of_mammograms(name: str) -> MammogramsConfig | None:
    """The configuration of whole mammograms of a name; None if it is the name of none."""
    spelled = re.fullmatch(r"(dicom_)?mammograms(?:_(\d+)x(\d+))?", name)
    if not spelled:
        return None
    dicom = bool(spelled[1])
    height, width = map(int, spelled.groups()[1:]) if spelled[2] else whole_views.SIZE
    if whole_views.fault_of_size(height, width):
        return None
    if mammograms_name(height, width, dicom=dicom) != name:  # a second name for one
        return None
    return MammogramsConfig(
        name=name,
        version="1.0.0",
        release_notes={"1.0.0": "One example for each patient, side and projection of a split."},
        description=f"Whole mammograms at {height} x {width} pixels.{dicom * ' 16 bit.'}",
        dicom=dicom,
        height=height,
        width=width,
    )


def _depth(dicom: bool) -> type[np.generic]:
    return np.uint16 if dicom else np.uint8


def _grey(shape: tuple[int | None, ...] = (None, None, 1), **how: Any) -> tfds.features.Image:
    return tfds.features.Image(shape=shape, encoding_format="png", **how)


def _place() -> dict[str, Any]:
    """Whose breast it is, and where in the mammogram."""
    return {
        "patient_id": tfds.features.Text(),
        "side": tfds.features.Text(doc="LEFT or RIGHT."),
        "view": tfds.features.Text(doc="CC or MLO."),
        "box": tfds.features.Tensor(
            shape=(4,),
            dtype=np.int32,
            doc="x0, y0, x1, y1 in pixels of the mammogram; x1 and y1 lie outside.",
        ),
    }
