"""Builds the data set from a release, or finds it already built."""

import os
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import tensorflow_datasets as tfds
from filelock import FileLock

from tfds_cbis import tfds_internals, whole_views
from tfds_cbis.beam import mapper
from tfds_cbis.cbis_ddsm_patches.cbis_ddsm_patches_dataset_builder import BACKGROUND_SIZE, Builder
from tfds_cbis.cbis_ddsm_patches.configurations import (
    MOST_WINDOWS,
    WINDOWS,
    config_name,
    mammograms_name,
)
from tfds_cbis.errors import CbisError
from tfds_cbis.protocols import PROTOCOLS
from tfds_cbis.release.files import Release
from tfds_cbis.threads import in_parallel


# Seven parameters: what is prepared of what, where, and by whom.
def prepare(
    release: Path,
    *,
    protocol: str = "paper",
    data_dir: Path | None = None,
    background_size: int | None = BACKGROUND_SIZE,
    windows: int | None = WINDOWS,
    progress: Callable[[int, int], None] | None = None,
    beam: list[str] | None = None,
) -> tfds.core.DatasetBuilder:
    """Prepares the patches of a release, unless `data_dir` holds them already.

    Args:
      release: unpacked folder with `csv/` and `jpeg/`, or archive.zip, or a DICOM release.
      protocol: 'paper', 'clean' or 'shifted'; with the kind of release it decides the
        configuration.
      data_dir: where prepared data sets are kept; None is TFDS's default.
      background_size: side of a background crop in source pixels; has no meaning where the
        protocol takes it from the lesions.
      windows: on each lesion of the train split; has no meaning where the protocol draws none.
      progress: called with (mammograms done, mammograms in all).
      beam: options of Apache Beam, whose runner then does the work; None does it in threads here.

    Returns:
      The builder; `as_data_source('train')` and `('test')` read its splits.

    Raises:
      CbisError: if the release cannot be used, the disk fails, or `data_dir` holds patches
        of another release or background size.
    """
    size = _background_size(protocol, background_size)
    count = _windows(protocol, windows)

    def configuration(dicom: bool) -> str:
        return config_name(protocol, dicom=dicom, windows=count)

    return _prepared(release, configuration, data_dir, size, progress, beam)


# Six parameters: what is prepared of what, where, and by whom.
def prepare_mammograms(
    release: Path,
    size: tuple[int, int] = whole_views.SIZE,
    *,
    data_dir: Path | None = None,
    progress: Callable[[int, int], None] | None = None,
    beam: list[str] | None = None,
) -> tfds.core.DatasetBuilder:
    """Prepares the whole mammograms of a release, unless `data_dir` holds them already.

    Args:
      release, data_dir, progress, beam: as of `prepare`.
      size: height and width in pixels.

    Returns:
      As of `prepare`.

    Raises:
      CbisError: of a size that is out of bounds, or as of `prepare`.
    """
    height, width = size
    if fault := whole_views.fault_of_size(height, width):
        raise CbisError(fault)

    def configuration(dicom: bool) -> str:
        return mammograms_name(height, width, dicom=dicom)

    return _prepared(release, configuration, data_dir, None, progress, beam)


# Six parameters: those of both functions above, whose work it does.
def _prepared(
    release: Path,
    configuration: Callable[[bool], str],
    data_dir: Path | None,
    background_size: int | None,
    progress: Callable[[int, int], None] | None,
    beam: list[str] | None,
) -> tfds.core.DatasetBuilder:
    where = Path(data_dir or tfds_internals.DATA_DIR)
    shared_out = in_parallel if beam is None else mapper(beam, where)
    with Release(release) as source:

        def found() -> Builder:
            with _damage_told(where):
                return Builder(
                    config=configuration(source.dicom), data_dir=data_dir, release=source,
                    background_size=background_size, progress=progress, mapper=shared_out,
                )  # fmt: skip

        builder = found()
        if not builder.data_path.exists():
            with _alone(where, Path(builder.data_path.parent)):
                builder = found()  # another process may have done it meanwhile
                if not builder.data_path.exists():
                    tfds_internals.remove_unfinished(builder)
                    with tfds_internals.without_bars():  # the caller's progress takes their place
                        builder.download_and_prepare()
                    return builder
        _require_same(builder, source, background_size)
    return builder


def summary(builder: tfds.core.DatasetBuilder) -> dict[str, Any]:
    """Returns what was stored with a prepared data set.

    Returns:
      `source` (path of the release), `background_size`, `windows`, `fingerprint` (SHA-256 of
      release and options), of whole mammograms `repeated` (how many the release holds twice), three
      lists of `{id, reason}`: what was `dropped`, which windows fall `short` of their protocol, and
      what was `assumed` to read mammograms; and `notes` on the release: the one that the builder
      was given now, or else the one prepared from.

    Raises:
      CbisError: if the builder's folder holds no complete data set.
    """
    try:
        stored = dict(builder.info.metadata or {})
    except ValueError as error:
        raise CbisError(
            f"the metadata.json in {builder.data_dir} is damaged ({error}); delete that folder "
            "and prepare again"
        ) from error
    lacking = {
        "source", "background_size", "windows", "fingerprint", "dropped", "short",
    } - stored.keys()  # fmt: skip
    if lacking:
        raise CbisError(
            f"{builder.data_dir} holds no complete data set: no {', '.join(sorted(lacking))}; "
            "delete that folder and prepare again"
        )
    if isinstance(builder, Builder) and builder.release:
        stored["notes"] = builder.release.notes
    return {"assumed": [], "notes": []} | stored  # earlier versions told of neither


def undecoded() -> dict[str, tfds.decode.Decoder]:
    """For `as_data_source` of whole mammograms: leaves the pictures as they are stored."""
    return dict.fromkeys(("image", "mask", "malignant_mask"), tfds.decode.SkipDecoding())


def _background_size(protocol: str, given: int | None) -> int | None:
    """The side of background crops; None where the protocol takes it from the lesions."""
    if protocol not in PROTOCOLS:
        raise CbisError(f"unknown protocol {protocol!r}; expected one of: {', '.join(PROTOCOLS)}")
    if PROTOCOLS[protocol].matched:
        return None
    if given is None or given < 1:
        raise CbisError(f"background size is {given} pixels; expected 1 or more")
    return given


def _windows(protocol: str, given: int | None) -> int:
    """Windows on each lesion to train on; 1 where the protocol draws none."""
    if PROTOCOLS[protocol].shares is None:
        return 1
    if given is None or not 1 <= given <= MOST_WINDOWS:
        raise CbisError(f"{given} windows on a lesion; expected 1 to {MOST_WINDOWS}")
    return given


@contextmanager
def _damage_told(where: Path) -> Iterator[None]:
    try:
        yield
    except tfds_internals.DAMAGE as error:
        raise CbisError(
            f"the data set prepared in {where} is damaged ({error}); delete it there and "
            "prepare again, or pass another --data-dir"
        ) from error


@contextmanager
def _alone(where: Path, folder: Path) -> Iterator[None]:
    """Waits for other processes that prepare in the folder, and keeps them waiting."""
    try:
        folder.mkdir(parents=True, exist_ok=True)
        with FileLock(folder / ".lock"):
            yield
    except OSError as error:
        raise CbisError(
            f"cannot keep the prepared data set in {where}: {error}; free the disk or pass "
            "another --data-dir"
        ) from error


def _require_same(builder: Builder, source: Release, background_size: int | None) -> None:
    stored = summary(builder)
    for split in builder.info.splits.values():
        for path in split.filepaths:
            if not path.exists():
                raise CbisError(f"{path} is missing; delete its folder and prepare again")
    if stored["fingerprint"] == source.fingerprint(background_size=background_size):
        return
    before, now = os.path.realpath(stored["source"]), os.path.realpath(source.path)
    if (before, stored["background_size"]) == (now, background_size):
        raise CbisError(
            f"{builder.data_dir} was prepared from {source.path}, whose files have changed since; "
            "pass another --data-dir, or delete that folder to prepare again"
        )
    if stored["background_size"] == background_size:
        raise CbisError(
            f"{builder.data_dir} was prepared from {stored['source']}, not from {source.path}; "
            "pass another --data-dir, or the data that it was prepared with"
        )
    raise CbisError(
        f"{builder.data_dir} was prepared from {stored['source']} with background size "
        f"{stored['background_size']}, not from {source.path} with {background_size}; pass another "
        "--data-dir, or the data and the background size that it was prepared with"
    )
