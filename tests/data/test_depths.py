"""The same patch in every format and depth: one answer, alone as in training."""

import io
import os
import struct
from pathlib import Path

import cv2
import numpy as np
import pytest
import tifffile
from hypothesis import given, settings
from hypothesis import strategies as st
from PIL import Image

from jaxcbis.data import pictures
from jaxcbis.errors import UserError
from tests.tfds_cbis.dicom_file import encode
from tfds_cbis.release import decoding
from tfds_cbis.release import pictures as release_pictures
from tfds_cbis.release.depth import STEP, eight_bit
from tfds_cbis.release.images import decode, decode_dicom

#: Grey that needs all of 12 bit.
TWELVE = np.linspace(200, 4000, 40 * 30).reshape(40, 30).round().astype(np.uint16)
RIGHT = np.rint(TWELVE / 4095 * 255)
#: The same in 8 bit.
GREY = RIGHT.astype(np.uint8)


def opencv(suffix):
    return lambda pixels: cv2.imencode(suffix, pixels)[1].tobytes()


def pillow(kind, **options):
    def encoded(pixels):
        file = io.BytesIO()
        Image.fromarray(pixels).save(file, kind, **options)
        return file.getvalue()

    return encoded


def tiff(**options):
    def encoded(pixels):
        file = io.BytesIO()
        tifffile.imwrite(file, pixels, **options)
        return file.getvalue()

    return encoded


def pgm(pixels, white=2**16 - 1):
    head = f"P5\n# scanned\n{pixels.shape[1]} {pixels.shape[0]}\n{white}\n".encode()
    return head + pixels.astype(">u2").tobytes()


def plain_pgm(pixels, white=2**16 - 1):
    head = f"P2 {pixels.shape[1]} {pixels.shape[0]}\n{white}\n"
    return (head + " ".join(map(str, pixels.ravel()))).encode()


DEEP = {
    "png": opencv(".png"),
    "tiff": tiff(),
    "tiff, big-endian": tiff(byteorder=">"),
    "tiff, deflated": tiff(compression="zlib"),
    "bigtiff": tiff(bigtiff=True),
    "tiff, signed": lambda pixels: tiff()(pixels.astype(np.int16)),
    "tiff, 32 bit": lambda pixels: tiff()(pixels.astype(np.uint32)),
    "tiff, float": lambda pixels: tiff()(pixels.astype(np.float32)),
    "tiff, double": lambda pixels: tiff()(pixels.astype(np.float64)),
    "tiff, rgb": lambda pixels: tiff(photometric="rgb")(np.dstack([pixels] * 3)),
    "jpeg 2000": pillow("jpeg2000", num_resolutions=1),
    "pgm": pgm,
    "pgm, plain": plain_pgm,
    "png, rgb": lambda pixels: opencv(".png")(np.dstack([pixels] * 3)),
    "png, opaque": lambda pixels: opencv(".png")(
        np.dstack([pixels] * 3 + [np.full_like(pixels, 2**16 - 1)])
    ),
}  # fmt: skip
SHALLOW = {
    "png": pillow("png"),
    "tiff": pillow("tiff"),
    "tiff, lzw": pillow("tiff", compression="tiff_lzw"),
    "tiff, 0 is white": lambda pixels: tiff(photometric="miniswhite")(255 - pixels),
    "bmp": pillow("bmp"),
    "webp": lambda pixels: pillow("webp", lossless=True)(np.dstack([pixels] * 3)),
    "jpeg 2000": pillow("jpeg2000", num_resolutions=1),
    "codestream": pillow("jpeg2000", no_jp2=True, num_resolutions=1),
    "pgm": pillow("ppm"),
    "ppm": lambda pixels: pillow("ppm")(np.dstack([pixels] * 3)),
    "pgm, plain": lambda pixels: plain_pgm(pixels, 255),
}  # fmt: skip


def read(data):
    pixels, notes = release_pictures.read(data)
    return eight_bit(pixels), notes


@pytest.mark.parametrize("kind", SHALLOW)
def test_8_bit_stay_as_they_are(kind):
    pixels, notes = read(SHALLOW[kind](GREY))
    np.testing.assert_array_equal(pixels, GREY)
    assert notes == []


@pytest.mark.parametrize("bits", [8, 10, 12, 14, 16])
@pytest.mark.parametrize("kind", DEEP)
def test_a_container_of_more_bits_is_taken_for_the_fewest_that_hold_it(kind, bits):
    if (kind, bits) == ("tiff, signed", 16):
        return
    values = (TWELVE >> 12 - bits) if bits < 12 else TWELVE << (bits - 12)
    pixels, notes = read(DEEP[kind](values))
    np.testing.assert_array_equal(pixels, np.rint(values / (2**bits - 1) * 255))
    said = f"taken as {bits} bit: no pixel is brighter than {values.max()}"
    assert notes == ([said] if bits < 16 else [])


@pytest.mark.parametrize("bits", [8, 10, 12, 14])
def test_the_brightest_pixel_at_the_edge_of_a_depth(bits):
    pixels = np.zeros((9, 9), np.uint16)
    for brightest, right in ((2**bits - 1, 255), (2**bits, 64)):
        pixels[0, 0] = brightest
        assert read(opencv(".png")(pixels))[0].max() == right


@settings(max_examples=30, deadline=None)
@given(
    st.sampled_from([8, 10, 12, 14, 16]),
    st.sampled_from(["stored", "signed", "window", "MONOCHROME1", *DEEP]),
    st.integers(0, 2**32 - 1),
)
def test_a_patch_alone_has_the_pixels_that_it_has_in_training(bits, kind, seed):
    values = np.random.default_rng(seed).integers(0, 2**bits, (9, 11)).astype(np.uint16)
    values[0, 0] = 2**bits - 1
    if kind in DEEP:
        if kind == "tiff, signed" and bits == 16:
            return
        data = DEEP[kind](values)
        trained = decode_dicom(encode(values, BitsStored=bits)).pixels
    else:
        elements = {
            "stored": {},
            "signed": {"BitsStored": bits + (bits < 16)},
            "window": {"WindowCenter": 100, "WindowWidth": 150},
            "MONOCHROME1": {"PhotometricInterpretation": kind},
        }[kind]
        stored = values.astype(np.int16) if kind == "signed" and bits < 16 else values
        data = encode(stored, **{"BitsStored": bits} | elements)
        trained = decode_dicom(data).pixels
    np.testing.assert_array_equal(read(data)[0], np.rint(trained / STEP))
    if kind not in ("window", "MONOCHROME1"):
        np.testing.assert_array_equal(read(data)[0], np.rint(values / (2**bits - 1) * 255))


@pytest.mark.parametrize("colours", [GREY, np.dstack([GREY, GREY, GREY - 8])])
def test_a_jpeg_alone_has_the_pixels_that_it_has_in_training(colours):
    data = pillow("jpeg", quality=90)(colours)
    np.testing.assert_array_equal(read(data)[0], decode(data))


def test_what_a_format_tells_of_its_depth_holds_for_dark_patches_too():
    dark = TWELVE // 8  # 9 bit would do
    right = np.rint(dark / 4095 * 255)
    for data in (pgm(dark, 4095), plain_pgm(dark, 4095), packed_tiff(dark)):
        pixels, notes = read(data)
        np.testing.assert_array_equal(pixels, right)
        assert notes == []
    np.testing.assert_array_equal(read(pgm(TWELVE, 4000))[0], np.rint(TWELVE / 4000 * 255))
    some = b"P5 30 40 200\n" + (GREY // 2).tobytes()
    np.testing.assert_array_equal(read(some)[0], np.rint(GREY // 2 / 200 * 255))


def packed_tiff(values):
    """12 bit a pixel, of which two make three bytes."""
    pairs = values.reshape(-1, 2).astype(int)
    words = (pairs[:, 0] << 12) | pairs[:, 1]
    pixels = b"".join(int(word).to_bytes(3, "big") for word in words)
    height, width = values.shape
    tags = {256: width, 257: height, 258: 12, 259: 1, 262: 1, 273: 8, 277: 1, 278: height,
            279: len(pixels)}  # fmt: skip
    entries = b"".join(struct.pack("<HHII", tag, 4, 1, value) for tag, value in tags.items())
    directory = struct.pack("<H", len(tags)) + entries + bytes(4)
    return b"II*\0" + struct.pack("<I", 8 + len(pixels)) + pixels + directory


def test_signed_values_and_fractions():
    below = TWELVE.astype(np.int16) - 2048
    pixels, notes = read(tiff()(below))
    np.testing.assert_array_equal(pixels, RIGHT)
    assert "12 bit, signed" in notes[0]
    bytewise = (GREY.astype(np.int16) - 128).astype(np.int8)
    np.testing.assert_array_equal(read(tiff()(bytewise))[0], GREY)
    for kind in (np.float32, np.float64):
        pixels, notes = read(tiff()((TWELVE / 4095).astype(kind)))
        np.testing.assert_array_equal(pixels, RIGHT)
        assert notes == ["its pixels are fractions, taken as 0 to 1"]
    white = tiff(photometric="miniswhite")(4095 - TWELVE)
    np.testing.assert_array_equal(read(white)[0], RIGHT)


def test_small_copies_of_a_tiff_are_no_pages(tmp_path):
    file = io.BytesIO()
    with tifffile.TiffWriter(file) as writer:
        writer.write(GREY)
        writer.write(GREY[::2, ::2], subfiletype=1)
    np.testing.assert_array_equal(read(file.getvalue())[0], GREY)
    with pytest.raises(ValueError, match="has 3 pages"):
        read(tiff(photometric="minisblack")(np.stack([GREY] * 3)))


@pytest.mark.parametrize(
    ("data", "said"),
    [
        (b"", "an empty file"),
        (b"\n<!DOCTYPE html><title>404</title>", "a web page"),
        (b"filename A_1141_1\nDATE_OF_STUDY 2 7 1994\n", "a text file"),
        (b"version https://git-lfs.github.com/spec/v1\noid sha256:0", "Git LFS .*: git lfs pull"),
        (b"/annex/objects/SHA256E-s9--0.png\n", "git annex get"),
        (b"PK\x03\x04" + bytes(40), "a zip archive"),
        (b"%PDF-1.7" + bytes(40), "a PDF"),
        (bytes(344) + b"n+1\0" + bytes(40), "a NIfTI volume"),
        (b"\0\0\0\x20ftypavif" + bytes(40), "an AVIF"),
        (b"\0\0\0\x20ftypheic" + bytes(40), "a HEIC"),
        (b"\x93NUMPY" + bytes(40), "a NumPy array"),
        (b"\xff\xd8\xff\xc3\x00\x0b\x0c" + bytes(40), "a lossless JPEG"),
        (b"\xff\xd8\xff\xc1\x00\x0b\x0c" + bytes(40), "a JPEG of 12 bit, .* by djpeg"),
        (tiff()(TWELVE.astype(np.uint32) * 2**18), "more than 16 bit hold"),
        (tiff()(np.full((9, 9), np.nan, np.float32)), "no finite numbers"),
        (pgm(TWELVE)[:-9], "damaged image"),
        (plain_pgm(TWELVE)[:-900], "damaged image"),
        (tiff()(TWELVE)[:-900], "damaged image|a TIFF"),
        (pillow("tiff", compression="tiff_lzw")(TWELVE)[:-900], "a TIFF that is damaged"),
        (tiff()(TWELVE.astype(np.float16)), "of a rare packing"),
        (tiff(photometric="rgb", planarconfig="separate")(np.stack([TWELVE] * 3)), "colour planes"),
        (pillow("jpeg2000", num_resolutions=1)(TWELVE)[:-900], "damaged image"),
        (pillow("webp")(np.dstack([GREY] * 3))[:-50], "damaged image"),
    ],
)
def test_what_is_not_read_is_named(data, said, tmp_path, capfd):
    (tmp_path / "a").write_bytes(data)
    with pytest.raises(UserError, match=said) as caught:
        pictures.read(tmp_path / "a")
    assert "\n" not in str(caught.value)
    assert capfd.readouterr().err == ""


@pytest.mark.parametrize("kind", ["jpeg", "png", "webp"])
def test_an_orientation_is_left_out_as_in_training_with_a_note(kind):
    exif = Image.Exif()
    exif[274] = 6
    options = {"lossless": True} if kind == "webp" else {}
    turned, notes = read(pillow(kind, exif=exif, **options)(GREY))
    plain, none = read(pillow(kind, **options)(GREY))
    np.testing.assert_array_equal(turned, plain)
    assert (notes, none) == ([decoding.TURNED], [])
    damaged = pillow(kind, exif=b"Exif\0\0no tags", **options)(GREY)
    np.testing.assert_array_equal(read(damaged)[0], plain)


@pytest.mark.skipif("JAXCBIS_SHARED" not in os.environ, reason="needs JAXCBIS_SHARED")
def test_the_cases_of_reports_have_one_answer():
    cases = Path(os.environ["JAXCBIS_SHARED"]) / "cases"
    if not cases.is_dir():
        pytest.skip("no cases there")
    right = pictures.read(cases / "images-dim" / "base.png").pixels
    for path in (*cases.glob("images-dim/*"), *cases.glob("dicom-*/*")):
        np.testing.assert_array_equal(pictures.read(path).pixels, right, err_msg=str(path))
    with pytest.raises(UserError, match="pylibjpeg-openjpeg"):
        pictures.read(cases / "htj2k" / "htj2k.dcm")
