"""TFDS builder of lesion and background patches from CBIS-DDSM; needs no TensorFlow."""

import functools
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any, ClassVar

import numpy as np
import tensorflow_datasets as tfds
from tensorflow_datasets.core import writer
from tensorflow_datasets.proto import tf_example_pb2

from jaxcbis.errors import UserError
from jaxcbis.labels import LABELS
from tfds_cbis.cases import SPLITS, TARGETS, WITHOUT_CALLBACK, Lesion
from tfds_cbis.patches import Dropped, Job, Mapper, cut, in_parallel, plan
from tfds_cbis.protocols import PROTOCOLS, Protocol
from tfds_cbis.release import Release

BACKGROUND_SIZE = 550


#: Names of the configurations: of a protocol and of whether the images are DICOM files.
CONFIGS = {
    ("paper", False): "paper",
    ("clean", False): "clean",
    ("paper", True): "dicom",
    ("clean", True): "dicom_clean",
}


@dataclass(eq=False, kw_only=True)
class PatchesConfig(tfds.core.BuilderConfig):
    """A configuration.

    Attributes:
        protocol: how patches are cut.
        dicom: whether they are cut from the DICOM release, whose 16 bit they keep.
    """

    protocol: Protocol
    dicom: bool


class _StableWriter(writer.ExampleWriter):
    """Serialises features by name: protobuf's own order of a map differs between processes."""

    def write(self, path, examples):
        stable = (
            (key, tf_example_pb2.Example.FromString(data).SerializeToString(deterministic=True))
            for key, data in examples
        )
        try:
            return super().write(path, stable)
        except RuntimeError as error:  # what ArrayRecord makes of a full disk
            raise OSError(str(error)) from error


class Builder(tfds.core.GeneratorBasedBuilder):
    """Patches cut by a protocol from a CBIS-DDSM release.

    The configurations `paper` and `clean` are cut from the Kaggle release, `dicom` and
    `dicom_clean` by the same protocols from the DICOM release.

    Args:
        release: the release to prepare from; None takes the manual directory, which then holds
            `csv/` and `jpeg/`, or `archive.zip`, or a DICOM release.
        background_size: side of a background crop in source pixels, where the protocol has one.
        progress: called with (mammograms done, mammograms in all).
        mapper: how mammograms are shared out, by default to threads.
        **kwargs: TFDS's own arguments.
    """

    VERSION = tfds.core.Version("1.0.0")
    RELEASE_NOTES: ClassVar = {"1.0.0": "Tight lesion boxes and background crops, official split."}
    BUILDER_CONFIGS: ClassVar = [
        PatchesConfig(
            name=name,
            description=PROTOCOLS[protocol].description + dicom * " 16 bit.",
            protocol=PROTOCOLS[protocol],
            dicom=dicom,
        )
        for (protocol, dicom), name in CONFIGS.items()
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
        self._release = release
        self._background_size = background_size
        self._mapper = mapper
        self._progress = progress or (lambda done, total: None)
        kwargs.setdefault("file_format", "array_record")
        super().__init__(**kwargs)

    def _info(self) -> tfds.core.DatasetInfo:
        grey = functools.partial(tfds.features.Image, shape=(None, None, 1), encoding_format="png")
        depth = np.uint16 if self.builder_config.dicom else np.uint8
        info = self.dataset_info_from_configs(
            features=tfds.features.FeaturesDict(
                {
                    "image": grey(doc="Patch at source resolution.", dtype=depth),
                    "mask": grey(doc="255 inside the lesion, 0 elsewhere and in background."),
                    "label": tfds.features.ClassLabel(names=LABELS),
                    "id": tfds.features.Text(),
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
        # TFDS would ask its own collection for the data set, and leave an empty temporary folder.
        info.initialize_from_bucket = _not_in_the_collection  # type: ignore[method-assign]
        return info

    def _split_generators(self, dl_manager) -> dict[str, Iterator[tuple[str, dict]]]:
        release = self._release or _manual_release(dl_manager)
        if release.dicom != self.builder_config.dicom:
            kind = "DICOM" if release.dicom else "JPEG"
            fitting = " or ".join(
                name for (_, dicom), name in CONFIGS.items() if dicom == release.dicom
            )
            raise UserError(
                f"{release.path} holds {kind} files, which the configuration "
                f"{self.builder_config.name} is not for; expected {fitting}"
            )
        lesions, dropped = release.lesions()
        jobs, missing = plan(
            release, lesions, self.builder_config.protocol,
            background_size=self._background_size, seed=str(self.version), mapper=self._mapper,
        )  # fmt: skip
        _require_lesions(release, lesions, dropped + missing)
        # The metadata are written with the records, when the last split is done.
        self.info.metadata.update(
            source=str(release.path),
            background_size=self._background_size,
            fingerprint=release.fingerprint(background_size=self._background_size),
            dropped=dropped + missing,
        )
        return {
            split: self._generate_examples(release, split, jobs)
            for split in SPLITS
            if any(job.view.split == split for job in jobs)
        }

    def _log_download_bytes(self) -> None:
        """Nothing is downloaded: TFDS's remarks on it would only puzzle."""

    _log_download_done = _log_download_bytes

    def _example_writer(self) -> writer.ExampleWriter:
        return _StableWriter(self.info.file_format)

    def _generate_examples(
        self, release: Release, split: str, jobs: list[Job]
    ) -> Iterator[tuple[str, dict]]:
        task = functools.partial(
            cut, release, protocol=self.builder_config.protocol, seed=str(self.version)
        )
        mine = [number for number, job in enumerate(jobs) if job.view.split == split]
        lost: list[dict[str, str]] = []
        lesions = 0
        results = self._mapper(task, (jobs[number] for number in mine))
        for number, (examples, dropped) in zip(mine, results, strict=True):
            lost += dropped
            for example in examples:
                lesions += example["label"] != 0
                yield example["id"], example
            self._progress(number + 1, len(jobs))
        if not lesions and lost:
            raise _no_lesion(release, split, lost)
        self.info.metadata["dropped"] += lost


def _not_in_the_collection() -> None:
    """In the place of a question to TFDS's collection."""


def _require_lesions(release: Release, lesions: list[Lesion], dropped: Dropped) -> None:
    """Checks that of every split that has rows of lesions, one at least can be used."""
    for split in SPLITS:
        rows = [x for x in lesions if x.split == split and x.pathology != WITHOUT_CALLBACK]
        if rows and not any(lesion.is_target for lesion in rows):
            names = {lesion.id for lesion in rows}
            raise _no_lesion(release, split, [entry for entry in dropped if entry["id"] in names])
    if not any(lesion.is_target for lesion in lesions):
        raise UserError(
            f"{release.path} holds no lesion that is {' or '.join(TARGETS)}; check that the "
            "release is complete"
        )


def _no_lesion(release: Release, split: str, lost: Dropped) -> UserError:
    return UserError(
        f"no lesion of the {split} split in {release.path} could be cut; the first of {len(lost)} "
        f"reasons: {lost[0]['id']}: {lost[0]['reason']}; check that the release is complete"
    )


def _manual_release(dl_manager) -> Release:
    try:
        folder = Path(dl_manager.manual_dir)
    except AssertionError as error:
        raise UserError(" ".join(str(error).split())) from error
    archive = folder / "archive.zip"
    return Release(archive if archive.is_file() and not (folder / "csv").is_dir() else folder)
