"""DICOM files to grey pixels."""

import functools
import io
import re
import sys
import threading
from collections.abc import Iterable, Iterator
from contextlib import contextmanager, suppress
from importlib.util import find_spec
from typing import Any, BinaryIO

import numpy as np

from tfds_cbis.errors import SHOWN, CbisError, shorten
from tfds_cbis.release import channels, depth, dicom_display, picture_kinds
from tfds_cbis.release.depth import Picture
from tfds_cbis.release.heard import heard

#: More pixels than any mammogram has; a damaged header may tell of billions.
MAX_PIXELS = 100_000_000
#: How Photometric Interpretations begin that are read.
GREY = ("MONOCHROME", "RGB", "YBR_")
#: As many bytes of a file tell whether it is DICOM.
BEGINNING = 132
#: The first element of a file without the 128 bytes of preamble: of group 2 or 8, with a length.
BARE = re.compile(
    rb"DICM"
    rb"|\x02\x00[\x00-\x02]\x00(UL|OB|UI)"
    rb"|\x08\x00[\x00-\x20]\x00([A-Z]{2}|[\x00-\x40]\x00\x00\x00)"
    rb"|\x00\x08\x00[\x00-\x20][A-Z]{2}"
)
#: Modules of Python 2 that python-gdcm asks for, and decoders that pydicom does. A folder of such a
#: name in the current directory would be taken for one.
LONG_GONE = ("dl", "DLFCN")
DECODERS = ("gdcm", "pylibjpeg", "openjpeg", "libjpeg", "rle", "jpeg_ls")
_importing = threading.Lock()


def require_pydicom(what: str) -> None:
    """Checks that pydicom is installed, which `what` needs, and imports it.

    Raises:
      CbisError: it is not.
    """
    if find_spec("pydicom") is None:
        raise CbisError(f"{what} needs what is not installed: pip install pydicom")
    with _importing:
        _import_pydicom()


@functools.cache
def _import_pydicom() -> None:
    """Imports it here, as the Kaggle release needs none of it."""
    with _hidden([*LONG_GONE, *_folders(DECODERS)]):
        import pydicom.pixels  # noqa: F401

        with suppress(ImportError):
            import gdcm

            gdcm.Trace.WarningOff()  # it would write them past Python


def _folders(names: Iterable[str]) -> list[str]:
    """Those for which a mere folder would be imported."""
    specs = {name: find_spec(name) for name in names if name not in sys.modules}
    return [name for name, spec in specs.items() if spec and spec.origin is None]


def is_dicom(data: bytes) -> bool:
    """Whether a file's bytes begin as DICOM files do, with their preamble or without."""
    return data[128:132] == b"DICM" or BARE.match(data) is not None


def opened(file: BinaryIO, **how: Any) -> Any:
    """Reads a DICOM file's elements.

    Args:
      file: open, at its beginning.
      **how: of `pydicom.dcmread`.

    Returns:
      A pydicom dataset.

    Raises:
      Exception: of many kinds, as a damaged file makes pydicom raise.
    """
    import pydicom

    beginning = file.read(BEGINNING)
    if not is_dicom(beginning):
        raise ValueError("no DICOM")
    file.seek(0)
    if beginning[:4] == b"DICM":
        file = io.BytesIO(file.read()[4:])
    return pydicom.dcmread(file, force=True, **how)


def read(data: bytes) -> Picture:
    """Reads a DICOM file of one grey frame, as it wants to be seen; see `dicom_display`.

    Red, green and blue that hardly differ are grey, as screenshots and secondary captures hold it.

    Returns:
      uint16 pixels: the range that BitsStored can hold, or the window, is stretched to 16 bit.

    Raises:
      ValueError: with one line, if it is damaged, of another kind, in colour, or compressed in a
        way that no installed library decodes.
      CbisError: pydicom is not installed.
    """
    require_pydicom("a DICOM file")
    with heard() as warned:
        with _damage_told():
            dataset = opened(io.BytesIO(data))
            notes = _completed(dataset)
            misfit = _misfit(dataset)
            stored = np.empty(0) if misfit else _stored(dataset)
        if misfit:
            raise ValueError(misfit)
        grey = channels.grey(stored) if stored.ndim == 3 else stored
        with _damage_told():
            curve, assumed = dicom_display.curve(dataset, grey)
            pixels = depth.mapped(grey, curve)
    return Picture(pixels, [*notes, *assumed, *warned])


@contextmanager
def _damage_told() -> Iterator[None]:
    """Within it, whatever a damaged file makes pydicom raise becomes a line that says so."""
    try:
        yield
    except Exception as error:
        reason = shorten(" ".join(str(error).split()), 2 * SHOWN)
        raise ValueError(
            f"cannot read this DICOM file ({reason or type(error).__name__}); "
            "get it again or, where it is compressed, convert it to PNG"
        ) from error


def _completed(dataset: Any) -> list[str]:
    """Gives a dataset what it must have to be decoded and does not tell; says what."""
    notes = []
    is_implicit, is_little = dataset.original_encoding
    if not getattr(dataset, "file_meta", None) or not dataset.file_meta.get("TransferSyntaxUID"):
        import pydicom
        from pydicom import uid

        if not getattr(dataset, "file_meta", None):
            dataset.file_meta = pydicom.dataset.FileMetaDataset()
        explicit = uid.ExplicitVRLittleEndian if is_little else uid.ExplicitVRBigEndian
        dataset.file_meta.TransferSyntaxUID = (
            uid.ImplicitVRLittleEndian if is_implicit else explicit
        )
        if "PixelData" in dataset and dataset["PixelData"].is_undefined_length:
            raise ValueError("its pixels are compressed and it does not tell how")
        notes.append("does not tell how its pixels are stored: taken as not compressed")
    if "PixelData" not in dataset:
        return notes
    if not dataset.get("PhotometricInterpretation"):
        dataset.PhotometricInterpretation = "MONOCHROME2"
        notes.append("does not tell whether bright is high: taken as MONOCHROME2")
    highest = dataset.get("HighBit")
    for name, value in (
        ("SamplesPerPixel", 1),
        ("PixelRepresentation", 0),
        ("BitsStored", dataset.get("BitsAllocated") if highest is None else highest + 1),
    ):
        if dataset.get(name) is None and value is not None:
            setattr(dataset, name, value)
            notes.append(f"does not tell its {name}: taken as {value}")
    if not dataset.get("NumberOfFrames"):
        dataset.NumberOfFrames = 1
    dicom_display.flatten(dataset)
    intent = str(dataset.get("PresentationIntentType") or "")
    if "FOR PROCESSING" in f"{intent} {_kind(dataset)}".upper():
        notes.append(
            "is FOR PROCESSING, of raw detector values, which look otherwise than the mammograms "
            "learned from; the one FOR PRESENTATION of the same view fits better"
        )
    return notes


def _stored(dataset: Any) -> np.ndarray:
    """The pixels [height, width] or, of red, green and blue, [height, width, 3].

    They keep the bits above BitsStored where these are no overlay's.

    Files that tell of too few bits, or of a sign that they do not use, would be folded up.
    """
    bits = dataset.BitsStored
    overlays = any(dataset.get((group, 0x0102)) for group in range(0x6000, 0x6020, 2))
    if not overlays and not dataset.file_meta.TransferSyntaxUID.is_encapsulated:
        dataset.BitsStored = dataset.BitsAllocated
    stored = np.asarray(dataset.pixel_array)
    dataset.BitsStored = bits
    return stored


def _kind(dataset: Any) -> str:
    """What a file is by its SOP class, in DICOM's words."""
    uid = dataset.get("SOPClassUID") or dataset.file_meta.get("MediaStorageSOPClassUID")
    return uid.name if uid else "of no known kind"


def _misfit(dataset: Any) -> str:
    """Why a dataset holds no picture that can be read; '' if it does."""
    if "PixelData" not in dataset:
        return f"holds no picture: it is {shorten(_kind(dataset))}; give the image's own file"
    if not dataset.PixelData:
        return "holds no picture: its pixel data are empty; get it again"
    if not dataset.get("Rows") or not dataset.get("Columns"):
        return "does not tell how many rows and columns it has; get it again"
    frames, kind = int(dataset.NumberOfFrames), str(dataset.PhotometricInterpretation)
    if frames > 1:
        return f"has {frames} frames, expected one; give one frame as an image"
    if not kind.startswith(GREY):
        return f"its pixels are {kind}, expected MONOCHROME1 or MONOCHROME2; convert it to PNG"
    if int(dataset.Rows) * int(dataset.Columns) > MAX_PIXELS:
        return f"{dataset.Columns} x {dataset.Rows} pixels, more than any mammogram has"
    return _undecodable(dataset)


def _undecodable(dataset: Any) -> str:
    """What would decode a compression, where nothing that is installed does; else ''."""
    from pydicom.encaps import generate_frames
    from pydicom.pixels import get_decoder
    from pydicom.uid import JPEGExtended12Bit

    syntax = dataset.file_meta.TransferSyntaxUID
    if not syntax.is_encapsulated:
        return ""
    try:
        decoder = get_decoder(syntax)
    except NotImplementedError:
        return f"is compressed as {syntax.name}, which nothing here decodes; convert it to PNG"
    kind, packages = syntax.name, "pylibjpeg pylibjpeg-openjpeg"
    able = decoder.is_available
    if syntax == JPEGExtended12Bit:
        frame = next(generate_frames(dataset.PixelData, number_of_frames=1))
        if deep := picture_kinds.rare_jpeg(frame):  # the others that pydicom asks know 8 bit alone
            able = "pylibjpeg" in decoder.available_plugins
            kind, packages = f"{kind}, {deep}", "pylibjpeg pylibjpeg-libjpeg"
    elif any(needed.startswith("gdcm") for needed in decoder.missing_dependencies):
        packages = "python-gdcm"
    if able:
        return ""
    return f"is compressed as {kind}; pip install {packages} to read it, or convert it to PNG"


@contextmanager
def _hidden(names: Iterable[str]) -> Iterator[None]:
    """Within it, modules of these names are not to be found."""
    absent = [name for name in names if name not in sys.modules]
    sys.modules.update(dict.fromkeys(absent))  # type: ignore[arg-type]
    try:
        yield
    finally:
        for name in absent:
            del sys.modules[name]
