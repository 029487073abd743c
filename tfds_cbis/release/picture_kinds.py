"""What a file is that is no picture to be read: its first bytes tell."""

import re

#: Names by what files begin with.
BEGINNINGS = {
    b"GIF8": "a GIF",
    b"II*\0": "a TIFF that is damaged or of a rare packing",
    b"MM\0*": "a TIFF that is damaged or of a rare packing",
    b"II\xbc": "a JPEG XR",
    b"II": "a camera's raw file",
    b"P7": "a PAM",
    b"PF": "a PFM",
    b"Pf": "a PFM",
    b"\xff\x0a": "a JPEG XL",
    b"\0\0\0\x0cJXL ": "a JPEG XL",
    b"8BPS": "a Photoshop file",
    b"v/1\x01": "an OpenEXR",
    b"%PDF": "a PDF",
    b"%!PS": "a PostScript file",
    b"PK\x03\x04": "a zip archive: unpack it",
    b"Rar!": "a RAR archive: unpack it",
    b"7z\xbc\xaf": "a 7z archive: unpack it",
    b"\x1f\x8b": "a gzip file: unpack it; NIfTI is not read",
    b"BZh": "a bzip2 file: unpack it",
    b"\xfd7zXZ": "an xz file: unpack it",
    b"NRRD": "an NRRD volume",
    b"ObjectType": "a MetaImage header",
    b"NDims": "a MetaImage header",
    b"\x93NUMPY": "a NumPy array",
    b"\x89HDF": "an HDF5 file",
    b"MATLAB": "a MATLAB file",
    b"version https://git-lfs": "a pointer of Git LFS in the file's place: git lfs pull",
    b"/annex/objects": "a pointer of git-annex in the file's place: git annex get",
    b"ics_version": "DDSM's .ics, which tells of a case's images and holds none",
    b"TOTAL_ABNORMALITIES": "DDSM's .OVERLAY, which tells of an image's lesions and holds none",
}  # fmt: skip
#: Names by the brand of an ISO media file.
BRANDS = {b"avif": "an AVIF", b"avis": "an AVIF", b"heic": "a HEIC", b"heix": "a HEIC",
          b"mif1": "a HEIF"}  # fmt: skip
JPEG_LS = "a JPEG-LS"
#: Kinds of JPEG by the marker that begins a frame, where that is all there is to say.
LOSSLESS = (0xC3, 0xC7, 0xCB, 0xCF)
FRAMES = (*range(0xC0, 0xC4), *range(0xC5, 0xC8), *range(0xC9, 0xCC), *range(0xCD, 0xD0), 0xF7)


def name(data: bytes) -> str:
    """What a file's bytes are: 'a GIF', 'a web page' and so on; '' if that is not known."""
    if not data.strip(b"\0"):
        return "an empty file"
    if data[4:8] == b"ftyp":
        return BRANDS.get(data[8:12], "a film")
    if data[344:348] in (b"n+1\0", b"ni1\0"):
        return "a NIfTI volume"
    for beginning, known in BEGINNINGS.items():
        if data.startswith(beginning):
            return known
    start = data[:1000].lstrip(b"\xef\xbb\xbf \t\r\n").lower()
    if start.startswith((b"<!doctype html", b"<html")):
        return "a web page, not what was to be downloaded"
    if start.startswith((b"<?xml", b"<svg")):
        return "an XML or SVG file"
    if re.fullmatch(rb"[\t\r\n -~]+", data[:1000]):
        return "a text file"
    return ""


def rare_jpeg(data: bytes) -> str:
    """What kind of JPEG it is where usual libraries do not decode it; '' if they should."""
    place = 2
    while data[:2] == b"\xff\xd8" and place + 5 <= len(data) and data[place] == 0xFF:
        marker, bits = data[place + 1], data[place + 4]
        if marker in FRAMES:
            if marker == 0xF7:
                return JPEG_LS
            if marker in LOSSLESS:
                return "a lossless JPEG, as DDSM's .LJPEG"
            return f"a JPEG of {bits} bit" if bits != 8 else ""
        place += 2 + int.from_bytes(data[place + 2 : place + 4], "big")
    return ""


def to_convert(kind: str) -> str:
    """What to do with a rare kind of JPEG."""
    how = "" if kind == JPEG_LS else ", or by djpeg of libjpeg-turbo 3 to PGM"
    return f"{kind}, which is not read; convert it to PNG{how}"
