"""A series folder's files to a mammogram or a lesion mask, told apart by content."""

import io

import cv2
import numpy as np
from PIL.JpegImagePlugin import JpegImageFile

from tfds_cbis.errors import SHOWN, shorten
from tfds_cbis.release import dicom, picture_kinds, pictures, placing
from tfds_cbis.release.cases import Lesion, View
from tfds_cbis.release.depth import Picture, eight_bit
from tfds_cbis.release.dicom import MAX_PIXELS
from tfds_cbis.release.files import Release

#: How a JPEG begins.
JPEG = b"\xff\xd8"
#: A near-binary image has less than this share of pixels between DARK and BRIGHT (JPEG ringing).
GREY_SHARE = 0.01
DARK, BRIGHT = 32, 223
#: A mask of another size fits if its aspect ratio differs by less than this share, and by no more
#: than rounding its sides does.
ASPECT_TOLERANCE = 0.01
#: A lesion covers no more than this share of its mammogram: a mask that does is full or inverted.
MASK_SHARE = 0.5


class Unusable(Exception):
    """An image that cannot be used; the message is the reason to report."""


def decode(data: bytes) -> np.ndarray:
    """Decodes a whole grey JPEG.

    Returns:
      uint8 array [height, width].

    Raises:
      Unusable: if the file is truncated or no JPEG. OpenCV alone would fill what is missing
        with grey, so the end-of-image marker is asked for first.
    """
    try:
        with JpegImageFile(io.BytesIO(data)) as header:  # Pillow reads the header only
            width, height = header.size
    except (SyntaxError, OSError, ValueError) as error:
        kind = picture_kinds.rare_jpeg(data)
        what = f"is {picture_kinds.to_convert(kind)}" if kind else "no JPEG"
        raise Unusable(f"unreadable image: {what}") from error
    if width * height > MAX_PIXELS:
        raise Unusable(f"unreadable image: {width} x {height} pixels, more than any mammogram has")
    if b"\xff\xd9" not in data[-64:]:
        raise Unusable("unreadable image: the JPEG is truncated")
    flags = cv2.IMREAD_GRAYSCALE | cv2.IMREAD_IGNORE_ORIENTATION
    try:
        image = cv2.imdecode(np.frombuffer(data, np.uint8), flags)
    except cv2.error:
        image = None
    if image is None:
        raise Unusable("unreadable image: no JPEG")
    return image


def decode_dicom(data: bytes) -> Picture:
    """Decodes a DICOM file to uint16, see `dicom.read`.

    Raises:
      Unusable: if the file is truncated, no DICOM or no grey image.
    """
    if not dicom.is_dicom(data):
        kind = picture_kinds.name(data)
        raise Unusable("unreadable image: no DICOM" + f": it is {kind}" * bool(kind))
    try:
        return dicom.read(data)
    except ValueError as error:
        raise Unusable(f"unreadable image: {error}") from error


def decode_copy(data: bytes) -> Picture:
    """Decodes a copy of a JPEG in another format to uint8.

    Raises:
      Unusable: if the file is damaged or in colour.
    """
    try:
        pixels, notes = pictures.read(data)
    except ValueError as error:
        raise Unusable(f"unreadable image: {error}") from error
    return Picture(eight_bit(pixels), notes)


def is_near_binary(image: np.ndarray) -> bool:
    """Whether an image [height, width] is black and white but for JPEG ringing."""
    grey = np.count_nonzero(cv2.inRange(eight_bit(image), DARK, BRIGHT))
    return bool(grey < GREY_SHARE * image.size)


def fit_mask(candidate: np.ndarray, shape: tuple[int, int]) -> np.ndarray:
    """Brings a near-binary image to its mammogram's size.

    Args:
      candidate: uint8 [height, width].
      shape: height and width of the mammogram.

    Returns:
      uint8 [*shape], 0 or 255; resized by nearest neighbour where the sizes differ.

    Raises:
      Unusable: if the aspect ratios differ, or no pixel or too many are set.
    """
    height, width = candidate.shape
    tolerance = min(ASPECT_TOLERANCE, 1 / height + 1 / width)
    if abs(height * shape[1] / (width * shape[0]) - 1) > tolerance:
        raise Unusable(
            f"mask cropped, not scaled: another aspect ratio: {_sizes(candidate, shape)}"
        )
    if candidate.shape != shape:
        candidate = cv2.resize(candidate, shape[::-1], interpolation=cv2.INTER_NEAREST)
    mask = cv2.threshold(candidate, 127, 255, cv2.THRESH_BINARY)[1]
    if not mask.any():
        raise Unusable("mask empty")
    if np.count_nonzero(mask) > MASK_SHARE * mask.size:
        raise Unusable("mask covers more than half of the mammogram: full or inverted")
    return mask


def _sizes(candidate: np.ndarray, shape: tuple[int, int]) -> str:
    return f"{candidate.shape[1]} x {candidate.shape[0]}, mammogram {shape[1]} x {shape[0]}"


def read_mammogram(release: Release, view: View) -> Picture:
    """Returns a view's mammogram: the largest grey image of its folder.

    Returns:
      Pixels of uint8 or, of a DICOM release, uint16.

    Raises:
      Unusable: if the folder is missing, or holds no readable mammogram, or two.
    """
    names = release.files(view.image_uid)
    if not names:
        raise Unusable("missing mammogram")
    images, reasons = _decode_all(release, names)
    if not images:
        raise Unusable(reasons[0])
    images = [image for image in images if not is_near_binary(image.pixels)]
    if not images:
        raise Unusable("missing mammogram: only black and white images in its folder")
    largest = max(images, key=lambda image: image.pixels.size)
    if any(
        image.pixels.size == largest.pixels.size and differ(image.pixels, largest.pixels)
        for image in images
    ):
        raise Unusable("two different mammograms in its folder")
    return largest


def read_mask(release: Release, lesion: Lesion, mammogram: np.ndarray) -> np.ndarray:
    """Returns a lesion's mask at its mammogram's size, uint8 0 or 255.

    Neither file names nor their order tell the mask from the lesion's crop: the mask is the
    near-binary image of the mammogram's size, or else of its aspect ratio. One of another size must
    lie on the lesion's crop, or it was cropped and not scaled.

    Args:
      release: where the files are.
      lesion: whose mask.
      mammogram: [height, width].

    Raises:
      Unusable: with the reason, if no image qualifies, or two that differ, or if the lesion's row
        has a fault.
    """
    if lesion.fault:
        raise Unusable(lesion.fault)
    names = [
        name for uid in lesion.mask_uids if uid != lesion.image_uid for name in release.files(uid)
    ]
    if not names:
        raise Unusable("missing mask: no image in its series folder")
    images, reasons = _decode_all(release, names)
    candidates = [eight_bit(pixels) for pixels, _ in images if is_near_binary(pixels)]
    crops = [eight_bit(pixels) for pixels, _ in images if not is_near_binary(pixels)]
    shape = mammogram.shape
    candidates.sort(key=lambda image: (image.shape != shape, -image.size))
    found: list[np.ndarray] = []
    for candidate in candidates:
        if found and candidate.shape != shape:
            break
        try:
            mask = fit_mask(candidate, shape)
            scale = shape[0] / candidate.shape[0]
            if candidate.shape != shape and placing.lies_off(
                mask, crops, eight_bit(mammogram), scale
            ):
                raise Unusable(
                    f"mask cropped, not scaled: off its lesion's crop: {_sizes(candidate, shape)}"
                )
            found.append(mask)
        except Unusable as misfit:
            reasons.append(str(misfit))
    if not found:
        raise Unusable((reasons or ["missing mask: no near-binary image in its folder"])[0])
    if any(differ(mask, found[0]) for mask in found):
        raise Unusable("two different masks in its folder")
    return found[0]


def differ(image: np.ndarray, other: np.ndarray) -> bool:
    """Whether two images [height, width] are not the same picture."""
    return not np.array_equal(image, other)


def _decode_all(release: Release, names: list[str]) -> tuple[list[Picture], list[str]]:
    images, reasons = [], []
    for name in names:
        try:
            images.append(_decode(release.read(name), is_dicom=release.dicom))
        except (Unusable, OSError) as reason:
            reasons.append(shorten(f"{name}: {reason}", 2 * SHOWN))
    return images, reasons


def _decode(data: bytes, *, is_dicom: bool) -> Picture:
    if is_dicom:
        return decode_dicom(data)
    return Picture(decode(data), []) if data.startswith(JPEG) else decode_copy(data)
