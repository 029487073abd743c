"""TFDS builder of patches and of whole mammograms from CBIS-DDSM; needs no TensorFlow."""

import contextlib
import os
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any, ClassVar

import tensorflow_datasets as tfds

from tfds_cbis.cbis_ddsm_patches import configurations
from tfds_cbis.errors import CbisError
from tfds_cbis.release.cases import SPLITS
from tfds_cbis.release.files import Release
from tfds_cbis.tfds_internals import LocalBuilder
from tfds_cbis.threads import Mapper, in_parallel

#: Side of a background crop in pixels of the mammogram, as in the paper.
BACKGROUND_SIZE = 550


class Builder(LocalBuilder):
    """Patches cut by a protocol from a CBIS-DDSM release, or its whole mammograms.

    The configurations `paper`, `clean` and `shifted` are cut from the Kaggle release, `dicom`,
    `dicom_clean` and `dicom_shifted` by the same protocols from the DICOM release. `shifted` has
    `WINDOWS` windows on each lesion of its train split, `shifted_1` one, and so on. `mammograms`
    and `dicom_mammograms` hold whole mammograms at 1152 x 896 pixels, `mammograms_576x448` and so
    on at another height and width.

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
    BUILDER_CONFIGS: ClassVar = [
        *configurations.of_patches(),
        *filter(None, map(configurations.of_mammograms, ("mammograms", "dicom_mammograms"))),
    ]
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

    @classmethod
    def get_builder_config(cls, name: str, version: Any = None) -> tfds.core.BuilderConfig | None:
        """The configuration of a name; those of whole mammograms are too many to be listed."""
        found = super().get_builder_config(name, version)
        return found or configurations.of_mammograms(name)

    def _info(self) -> tfds.core.DatasetInfo:
        return self.local_info(
            features=tfds.features.FeaturesDict(self.builder_config.features()),
            supervised_keys=("image", "label"),
            homepage="https://doi.org/10.7937/K9/TCIA.2016.7O02S9CY",
            license="CC BY 3.0",
            metadata=tfds.core.MetadataDict(),
        )

    def _split_generators(self, dl_manager) -> dict[str, Iterator[tuple[str, dict]]]:
        release = self.release or self._opened.enter_context(_manual_release(dl_manager))
        if release.dicom != self.builder_config.dicom:
            kind = "DICOM" if release.dicom else "JPEG"
            raise CbisError(
                f"{release.path} holds {kind} files, which the configuration "
                f"{self.builder_config.name} is not for; expected "
                f"{self.builder_config.fitting(dicom=release.dicom)}"
            )
        jobs, dropped, facts = self.builder_config.plan(
            release, background_size=self._background_size, seed=self.seed, mapper=self._mapper
        )
        # The metadata are written with the records, when the last split is done.
        self.info.metadata.update(
            source=os.path.realpath(release.path),
            background_size=self._background_size,
            fingerprint=release.fingerprint(background_size=self._background_size),
            dropped=dropped,
            short=[],
            assumed=[],
            notes=release.notes,
            **facts,
        )
        return {
            split: self._generate_examples(release, split, jobs)
            for split in SPLITS
            if any(job.view.split == split for job in jobs)
        }

    def _generate_examples(
        self, release: Release, split: str, jobs: list[Any]
    ) -> Iterator[tuple[str, dict]]:
        mine = [number for number, job in enumerate(jobs) if job.view.split == split]
        made = self.builder_config.make(
            release, [jobs[number] for number in mine], seed=self.seed, mapper=self._mapper
        )
        for number, found in zip(mine, made, strict=True):
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
