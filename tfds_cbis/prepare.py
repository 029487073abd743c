"""Builds the data set from a release, or finds it already built."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import tensorflow_datasets as tfds
from google.protobuf.json_format import ParseError
from tensorflow_datasets.core import shuffle
from tensorflow_datasets.core.utils import tqdm_utils

from jaxcbis.errors import UserError
from jaxcbis.records.folders import turn
from tfds_cbis.beam import mapper
from tfds_cbis.cbis_ddsm_patches.cbis_ddsm_patches_dataset_builder import (
    BACKGROUND_SIZE,
    CONFIGS,
    Builder,
)
from tfds_cbis.patches import in_parallel
from tfds_cbis.protocols import PROTOCOLS
from tfds_cbis.release import Release


def prepare(
    release: Path,
    *,
    protocol: str = "paper",
    data_dir: Path | None = None,
    background_size: int | None = BACKGROUND_SIZE,
    progress: Callable[[int, int], None] | None = None,
    beam: list[str] | None = None,
) -> tfds.core.DatasetBuilder:
    """Prepares the patches of a release, unless `data_dir` holds them already.

    Args:
        release: unpacked folder with `csv/` and `jpeg/`, or archive.zip, or a DICOM release.
        protocol: 'paper' or 'clean'; with the kind of release it decides the configuration.
        data_dir: where prepared data sets are kept; None is TFDS's default.
        background_size: side of a background crop in source pixels; has no meaning where the
            protocol takes it from the lesions.
        progress: called with (mammograms done, mammograms in all).
        beam: options of Apache Beam, whose runner then does the work; None does it in threads here.

    Returns:
        The builder; `as_data_source('train')` and `('test')` read its splits.

    Raises:
        UserError: if the release cannot be used, the disk fails, or `data_dir` holds patches
            of another release or background size.
    """
    if protocol not in PROTOCOLS:
        raise UserError(f"unknown protocol {protocol!r}; expected one of: {', '.join(PROTOCOLS)}")
    if PROTOCOLS[protocol].matched:
        background_size = None
    elif background_size is None or background_size < 1:
        raise UserError(f"background size is {background_size} pixels; expected 1 or more")
    source = Release(release)
    where = data_dir or tfds.core.constants.DATA_DIR

    shared_out = in_parallel if beam is None else mapper(beam, Path(where))

    def prepared() -> Builder:
        try:
            return Builder(
                config=CONFIGS[protocol, source.dicom],
                data_dir=data_dir,
                release=source,
                background_size=background_size,
                progress=progress,
                mapper=shared_out,
            )
        except (ParseError, ValueError) as error:
            raise UserError(
                f"the data set prepared in {where} is damaged ({error}); delete it there and "
                "prepare again, or pass another --data-dir"
            ) from error

    builder = prepared()
    if not builder.data_path.exists():
        try:
            with turn(Path(builder.data_path.parent)):
                builder = prepared()  # another process may have done it meanwhile
                if not builder.data_path.exists():
                    _build(builder)
                    return builder
        except OSError as error:
            raise UserError(
                f"cannot keep the prepared data set in {where}: {error}; free the disk or pass "
                "another --data-dir"
            ) from error
    _check_same(builder, source, background_size)
    return builder


def summary(builder: tfds.core.DatasetBuilder) -> dict[str, Any]:
    """Returns what was stored with a prepared data set.

    Returns:
        `source` (path of the release), `background_size`, `fingerprint` (SHA-256 of release and
        options) and `dropped`, a list of `{id, reason}`.

    Raises:
        UserError: if the builder's folder holds no complete data set.
    """
    try:
        stored = dict(builder.info.metadata or {})
    except ValueError as error:
        raise UserError(
            f"the metadata.json in {builder.data_dir} is damaged ({error}); delete that folder "
            "and prepare again"
        ) from error
    lacking = {"source", "background_size", "fingerprint", "dropped"} - stored.keys()
    if lacking:
        raise UserError(
            f"{builder.data_dir} holds no complete data set: no {', '.join(sorted(lacking))}; "
            "delete that folder and prepare again"
        )
    return stored


def _build(builder: Builder) -> None:
    path = builder.data_path
    for left in path.parent.glob(f"{tfds.core.constants.INCOMPLETE_PREFIX}*_{path.name}"):
        left.rmtree()  # by a process that was killed
    with (
        # TFDS sorts the encoded patches in memory, but spills over 1 GB through TensorFlow.
        tfds.core.utils.temporary_assignment(shuffle, "MAX_MEM_BUFFER_SIZE", 1 << 40),
        # The caller's progress takes the place of TFDS's own bars.
        tfds.core.utils.temporary_assignment(tqdm_utils, "_active", False),
    ):
        builder.download_and_prepare()


def _check_same(builder: Builder, source: Release, background_size: int | None) -> None:
    stored = summary(builder)
    for split in builder.info.splits.values():
        for path in split.filepaths:
            if not path.exists():
                raise UserError(f"{path} is missing; delete its folder and prepare again")
    if stored["fingerprint"] == source.fingerprint(background_size=background_size):
        return
    if (stored["source"], stored["background_size"]) == (str(source.path), background_size):
        raise UserError(
            f"{builder.data_dir} was prepared from {source.path}, whose files have changed since; "
            "pass another --data-dir, or delete that folder to prepare again"
        )
    raise UserError(
        f"{builder.data_dir} was prepared from {stored['source']} with background size "
        f"{stored['background_size']}, not from {source.path} with {background_size}; pass another "
        "--data-dir, or the same data and --background-size"
    )
