"""TFDS builder of lesion and background patches from CBIS-DDSM; needs no TensorFlow."""

import contextlib
import functools
import os
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any, ClassVar

import numpy as np
import tensorflow_datasets as tfds

from tfds_cbis.cutting import cut_split
from tfds_cbis.errors import CbisError
from tfds_cbis.labels import LABELS
from tfds_cbis.planning import Job, plan
from tfds_cbis.protocols import PROTOCOLS, Protocol
from tfds_cbis.release.cases import SPLITS
from tfds_cbis.release.files import Release
from tfds_cbis.tfds_internals import LocalBuilder
from tfds_cbis.threads import Mapper, in_parallel

#: Side of a background crop in pixels of the mammogram, as in the paper.
BACKGROUND_SIZE = 550

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


@dataclass(eq=False, kw_only=True)
class PatchesConfig(tfds.core.BuilderConfig):
    """A configuration.

    Attributes:
      protocol: how patches are cut.
      dicom: whether they are cut from the DICOM release, whose 16 bit they keep.
      windows: on each lesion of the train split; 1 where the protocol draws none.
    """

    protocol: Protocol
    dicom: bool
    windows: int


def config_name(protocol: str, *, dicom: bool, windows: int) -> str:
    """The configuration of a protocol, a kind of release and a number of windows."""
    name = NAMES[protocol, dicom]
    usual = PROTOCOLS[protocol].shares is None or windows == WINDOWS
    return name if usual else f"{name}_{windows}"


def _configs() -> Iterator[PatchesConfig]:
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


class Builder(LocalBuilder):
    """Patches cut by a protocol from a CBIS-DDSM release.

    The configurations `paper`, `clean` and `shifted` are cut from the Kaggle release, `dicom`,
    `dicom_clean` and `dicom_shifted` by the same protocols from the DICOM release. `shifted` has
    `WINDOWS` windows on each lesion of its train split, `shifted_1` one, and so on.

    Args:
      release: the release to prepare from; None takes the manual directory, which then holds
        `csv/` and `jpeg/`, or `archive.zip`, or a DICOM release.
      background_size: side of a background crop in source pixels, where the protocol has one.
      progress: called with (mammograms done, mammograms in all).
      mapper: how mammograms are shared out, by default to threads.
      **kwargs: TFDS's own arguments.
    """

    VERSION = tfds.core.Version("1.1.0")
    RELEASE_NOTES: ClassVar = {
        "1.0.0": "Tight lesion boxes and background crops, official split.",
        "1.1.0": "Windows with the lesion anywhere inside; their number is the feature `window`.",
    }
    BUILDER_CONFIGS: ClassVar = list(_configs())
    MANUAL_DOWNLOAD_INSTRUCTIONS = (
        "Put the Kaggle JPEG release of CBIS-DDSM here: its folders csv/ and jpeg/, "
        "or its archive.zip; for the dicom configurations the DICOM release of TCIA."
    )

    def __init__(
        self,
        *,
        release: Release | None = None,
        background_size: int | None = BACKGROUND_SIZE,
        progress: Callable[[int, int], None] | None = None,
        mapper: Mapper = in_parallel,
        **kwargs: Any,
    ):
        self.release = release
        self._background_size = background_size
        self._mapper = mapper
        self._progress = progress or (lambda done, total: None)
        self._opened = contextlib.ExitStack()
        kwargs.setdefault("file_format", "array_record")
        super().__init__(**kwargs)

    @property
    def seed(self) -> str:
        """What all draws hang on: a minor version adds to the patches and moves none."""
        return f"{self.version.major}.0.0"

    def download_and_prepare(self, **kwargs: Any) -> None:
        """Prepares as TFDS does, and closes the release if it was opened here."""
        with self._opened:
            super().download_and_prepare(**kwargs)

    def _info(self) -> tfds.core.DatasetInfo:
        grey = functools.partial(tfds.features.Image, shape=(None, None, 1), encoding_format="png")
        depth = np.uint16 if self.builder_config.dicom else np.uint8
        return self.local_info(
            features=tfds.features.FeaturesDict(
                {
                    "image": grey(doc="Patch at source resolution.", dtype=depth),
                    "mask": grey(doc="255 inside the lesion, 0 elsewhere and in background."),
                    "label": tfds.features.ClassLabel(names=LABELS),
                    "id": tfds.features.Text(),
                    "window": tfds.features.Scalar(
                        dtype=np.int32,
                        doc="Number among the lesion's windows; of background, with which it goes.",
                    ),
                    "patient_id": tfds.features.Text(),
                    "side": tfds.features.Text(doc="LEFT or RIGHT."),
                    "view": tfds.features.Text(doc="CC or MLO."),
                    "box": tfds.features.Tensor(
                        shape=(4,),
                        dtype=np.int32,
                        doc="x0, y0, x1, y1 in pixels of the mammogram; x1 and y1 lie outside.",
                    ),
                    "pathology": tfds.features.Text(doc="As in the CSV row."),
                    "abnormality_type": tfds.features.Text(doc="mass or calcification."),
                }
            ),
            supervised_keys=("image", "label"),
            homepage="https://doi.org/10.7937/K9/TCIA.2016.7O02S9CY",
            license="CC BY 3.0",
            metadata=tfds.core.MetadataDict(),
        )

    def _split_generators(self, dl_manager) -> dict[str, Iterator[tuple[str, dict]]]:
        release = self.release or self._opened.enter_context(_manual_release(dl_manager))
        if release.dicom != self.builder_config.dicom:
            kind = "DICOM" if release.dicom else "JPEG"
            fitting = " or ".join(
                name for (_, dicom), name in NAMES.items() if dicom == release.dicom
            )
            raise CbisError(
                f"{release.path} holds {kind} files, which the configuration "
                f"{self.builder_config.name} is not for; expected {fitting}"
            )
        jobs, dropped = plan(
            release, self.builder_config.protocol, background_size=self._background_size,
            seed=self.seed, count=self.builder_config.windows, mapper=self._mapper,
        )  # fmt: skip
        # The metadata are written with the records, when the last split is done.
        self.info.metadata.update(
            source=os.path.realpath(release.path),
            background_size=self._background_size,
            fingerprint=release.fingerprint(background_size=self._background_size),
            windows=self.builder_config.windows,
            dropped=dropped,
            short=[],
            assumed=[],
            notes=release.notes,
        )
        return {
            split: self._generate_examples(release, split, jobs)
            for split in SPLITS
            if any(job.view.split == split for job in jobs)
        }

    def _generate_examples(
        self, release: Release, split: str, jobs: list[Job]
    ) -> Iterator[tuple[str, dict]]:
        mine = [number for number, job in enumerate(jobs) if job.view.split == split]
        cut = cut_split(
            release, [jobs[number] for number in mine], self.builder_config.protocol,
            seed=self.seed, mapper=self._mapper,
        )  # fmt: skip
        for number, found in zip(mine, cut, strict=True):
            self.info.metadata["dropped"] += found.dropped
            self.info.metadata["short"] += found.short
            self.info.metadata["assumed"] += found.assumed
            for example in found.examples:
                yield example["id"], example
            self._progress(number + 1, len(jobs))


def _manual_release(dl_manager) -> Release:
    try:
        return Release(Path(dl_manager.manual_dir))
    except AssertionError as error:
        raise CbisError(" ".join(str(error).split())) from error
