"""Where the answers to image files go: a picture each, none in the place of another one."""

import os
import unicodedata
from collections.abc import Iterable, Sequence
from itertools import count
from pathlib import Path

from jaxcbis.errors import UserError
from jaxcbis.machine import files

#: Bytes of an image's name that its picture's name has. A name has 255 at most, with a number, the
#: kind of picture, and what a file that is not yet whole is called.
LONGEST = 200
ANOTHER_OUTPUT = "choose another --output"
ANOTHER_JSON = "give --json another FILE"


def distinct(images: Iterable[Path]) -> list[Path]:
    """The files, each once, in their order; two names of one file by a link count as two files."""
    found: dict[str, Path] = {}
    for path in images:
        found.setdefault(os.path.abspath(path), path)
    return list(found.values())


def pictures(images: Sequence[Path], folder: Path, kind: str) -> list[Path]:
    """A file for the picture of each image, `<image>-<kind>.png`, numbered where names are alike.

    Names are alike if they are so without folder and suffix, on a disk that knows no capitals, and
    in either of Unicode's spellings. The first one keeps its name, and so does whatever image has
    the name of another one with a number.

    Args:
      images: distinct files.
      folder: of the pictures.
      kind: of the pictures.

    Raises:
      UserError: a picture would take the place of one of the images.
    """
    stems = [_shortened(path.stem) for path in images]
    owners: dict[str, int] = {}
    for number, stem in enumerate(stems):
        owners.setdefault(_folded(stem), number)
    numbers = {key: count(2) for key in owners}
    names = []
    for number, stem in enumerate(stems):
        name = stem
        while owners.setdefault(_folded(name), number) != number:
            name = f"{stem}-{next(numbers[_folded(stem)])}"
        names.append(name)
    found = [folder / f"{name}-{kind}.png" for name in names]
    inputs = {path.resolve() for path in images}
    for file in found:
        if file.resolve() in inputs:
            raise UserError(
                f"{file}: an image to explain, would be overwritten by the picture of another one; "
                f"{ANOTHER_OUTPUT} or leave it out"
            )
    return found


def require_folder(folder: Path) -> None:
    """Makes the folder of the pictures, and tries whether it can be written to.

    Raises:
      UserError: it cannot.
    """
    files.require_writable(folder, ANOTHER_OUTPUT)


def require_json(file: str, images: Sequence[Path], pictures: Sequence[Path]) -> None:
    """Checks before any work whether the answers may be written to a file.

    Raises:
      UserError: it is none, or holds something else, or one of the images or pictures.
    """
    path = Path(file)
    if path.resolve() in {other.resolve() for other in (*images, *pictures)}:
        raise UserError(f"--json {file}: an image or its picture; {ANOTHER_JSON}")
    if path.is_dir():
        raise UserError(f"cannot write {path}: Is a directory; {ANOTHER_JSON}")
    if not path.parent.is_dir():
        raise UserError(f"cannot write {path}: no folder {path.parent}; {ANOTHER_JSON}")
    if path.is_file():
        try:
            with path.open("rb") as before:
                start = before.read(1)
        except OSError as error:
            raise UserError(f"cannot read {path}: {error.strerror}; {ANOTHER_JSON}") from error
        if start not in (b"", b"{"):
            raise UserError(f"--json {file}: exists, and is no JSON; {ANOTHER_JSON}")


def _folded(name: str) -> str:
    return unicodedata.normalize("NFC", name).casefold()


def _shortened(stem: str) -> str:
    encoded = os.fsencode(stem)
    return stem if len(encoded) <= LONGEST else encoded[:LONGEST].decode(errors="ignore")
