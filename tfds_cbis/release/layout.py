"""Which files of a folder or an archive are the release: tables, and images by series.

The layout that is documented is taken as it is. What is near to it is taken if only one thing in
the folder can be meant, and a note says what was taken; else the candidates are named.
"""

import itertools
import re
from collections.abc import Iterable, Mapping
from typing import NamedTuple

from tfds_cbis.errors import CbisError, shorten
from tfds_cbis.release.cases import CSV_NAMES
from tfds_cbis.release.dicom import BEGINNING, is_dicom
from tfds_cbis.release.stores import Archive, Folder, is_uid

#: Ends of images' names: the release's own, then those of its copies.
JPEG_SUFFIXES = (".jpg", ".jpeg")
COPIES = ((".png",), (".tif", ".tiff"), (".jp2",), (".bmp",), (".pgm",), (".webp",))
DICOM_SUFFIXES = (".dcm", ".dicom", ".dic", ".ima")
#: A table's name, in any letters, with what copying or downloading it again adds.
TABLE = re.compile(
    r"(mass|calc)[ _-]case[ _-]description[ _-](train|test)[ _-]set"
    r"(?P<copy>[ _-]*(\(\d+\)|\d+|copy.*|kopie.*)|)(\.csv)+",
    re.IGNORECASE,
)
#: Candidates that a message names.
NAMED = 4

Tables = dict[tuple[str, str], str]


class Layout(NamedTuple):
    """What of the files is the release.

    Attributes:
      base: what all names begin with that are not above what was given: '' or `FOLDER/`.
      tables: names of the case-description files, by (type, split).
      jpegs: names of JPEG images (or copies of them) by series, sorted; empty of a DICOM release.
      dicoms: names of DICOM files, sorted.
      sizes: of all of them in bytes.
      notes: what was taken that is not as documented, and what is missing.
    """

    base: str
    tables: Tables
    jpegs: dict[str, list[str]]
    dicoms: list[str]
    sizes: dict[str, int]
    notes: list[str]


class _Images(NamedTuple):
    """The same of images alone."""

    jpegs: dict[str, list[str]]
    dicoms: list[str]
    sizes: dict[str, int]


def find(store: Folder | Archive) -> Layout:
    """Finds the release in what was given.

    Raises:
      CbisError: it is not there, or there more than once.
    """
    tables = store.tables()
    by_base: dict[str, list[str]] = {}
    for name in sorted(tables):
        if TABLE.fullmatch(name.rpartition("/")[2]):
            by_base.setdefault(_base(name), []).append(name)
    # What lies above counts where nothing is below, and images elsewhere where none are nearby.
    bases = sorted(base for base in by_base if not _is_above(base)) or list(by_base)
    for nearby in (True, False):
        fitting: dict[str, _Images] = {}
        for base in sorted(bases, key=_far):
            if any(base.startswith(outer) for outer in fitting):
                continue  # tables somewhere in a release are its own
            if images := _images(store, base, nearby=nearby):
                fitting[base] = images
        if len(fitting) > 1:
            raise CbisError(
                f"{store.path} holds the release more than once; give one of them: did you "
                f"mean {_named(_path(store, base) for base in fitting)}?"
            )
        for base, images in fitting.items():
            chosen, notes = _tables(store, base, by_base[base])
            sizes = images.sizes | {name: tables[name] for name in chosen.values()}
            inside = "" if _is_above(base) else base
            top = inside if nearby else ""
            notes = [*_whereabouts(store, base, top), *_near_misses(top, chosen, images), *notes]
            return Layout(inside, chosen, images.jpegs, images.dicoms, sizes, notes)
    raise _lacking(store, tables, by_base)


def _base(table: str) -> str:
    """The folder of a table, or what holds it where it is called csv: '' or `FOLDER/`."""
    parts = table.split("/")[:-1]
    if parts and parts[-1].lower() == "csv":
        parts.pop()
    return "".join(f"{part}/" for part in parts)


def _path(store: Folder | Archive, place: str) -> str:
    return f"{store.path}/{place}".rstrip("/")


def _is_above(base: str) -> bool:
    return base.startswith("../")


def _far(base: str) -> tuple[bool, int]:
    """For sorting: what was given comes first, then what lies below, then what is above."""
    return _is_above(base), base.count("/")


def _images(store: Folder | Archive, base: str, *, nearby: bool) -> _Images | None:
    """The images near the tables, or anywhere."""
    inside = "" if _is_above(base) else base
    for place in (f"{inside}jpeg/", inside) if nearby else ("",):
        sizes = store.below(place)
        jpegs, dicoms = (
            (_by_series(sizes, len(place)), list[str]())
            if place.endswith("jpeg/")
            else _anywhere(store, sizes)
        )
        if used := dicoms or list(itertools.chain(*jpegs.values())):
            return _Images(jpegs, dicoms, {name: sizes[name] for name in used})
    return None


def _by_series(names: Iterable[str], start: int) -> dict[str, list[str]]:
    """Images in folders right below the first `start` letters of their names."""
    inside = [name for name in names if name.count("/", start) == 1]
    return _without_copies({name: name[start:].partition("/")[0] for name in inside})


def _anywhere(
    store: Folder | Archive, names: Iterable[str]
) -> tuple[dict[str, list[str]], list[str]]:
    """JPEG images in folders that are named by their series, or else DICOM files."""
    names = sorted(names)
    series = {name: name.split("/")[-2] for name in names if "/" in name}
    series = {name: uid for name, uid in series.items() if is_uid(uid)}
    in_jpeg = {name: uid for name, uid in series.items() if "jpeg" in name.lower().split("/")[:-2]}
    if found := _once(store, _without_copies(in_jpeg)):
        return found, []
    if dicoms := [name for name in names if name.lower().endswith(DICOM_SUFFIXES)]:
        return {}, dicoms
    if found := _once(store, _without_copies(series)):
        return found, []
    return {}, [name for name in names if _is_dicom(store, name)]


def _without_copies(series: Mapping[str, str]) -> dict[str, list[str]]:
    """Names by series: its JPEG images or, if it has none, those of another kind."""
    found: dict[str, list[str]] = {}
    for suffixes in (JPEG_SUFFIXES, *COPIES):
        kind: dict[str, list[str]] = {}
        for name in sorted(series):
            if name.lower().endswith(suffixes):
                kind.setdefault(series[name], []).append(name)
        found = kind | found
    return found


def _once(store: Folder | Archive, found: dict[str, list[str]]) -> dict[str, list[str]]:
    """The same series, none of them in two folders."""
    for uid, names in found.items():
        folders = {name.rsplit("/", 2)[0] if name.count("/") > 1 else "" for name in names}
        if len(folders) > 1:
            raise CbisError(
                f"{store.path} holds the images of {shorten(uid)} more than once; give a folder "
                "that holds csv/ and one of them: did you mean those in "
                f"{_named(_path(store, folder) for folder in sorted(folders))}?"
            )
    return found


def _is_dicom(store: Folder | Archive, name: str) -> bool:
    """Whether a file without a suffix, or with a number for one, begins as DICOM files do."""
    last = name.rpartition("/")[2]
    stem, point, suffix = last.rpartition(".")
    if last.upper() == "DICOMDIR" or (point and stem and not suffix.isdigit()):
        return False
    try:
        with store.header(name) as file:
            return is_dicom(file.read(BEGINNING))
    except OSError:
        return False


def _tables(store: Folder | Archive, base: str, names: list[str]) -> tuple[Tables, list[str]]:
    """Of each kind the table to read, and notes on copies and on what is missing."""
    chosen: Tables = {}
    notes = []
    renamed: dict[str, str] = {}
    for (kind, split), plain in CSV_NAMES.items():
        # In csv/ first, and copies last.
        found = sorted(
            (bool(match["copy"]), name[len(base) :].count("/") == 0, name)
            for name in names
            if (match := TABLE.fullmatch(name.rpartition("/")[2]))
            and (match[1].lower(), match[2].lower()) == (kind, split)
        )
        if not found:
            continue
        (copied, _, name), *others = found
        chosen[kind, split] = name
        differing = [other for *_, other in others if not _same(store, name, other)]
        if copied and differing:
            raise CbisError(
                f"{store.path} holds no {plain}; did you mean {_named([name, *differing])}? They "
                "differ; use the right one under that name"
            )
        if name.rpartition("/")[2] != plain:
            renamed[name] = plain
        if differing:
            notes.append(f"{_named(differing)} was not read: it differs from {shorten(name)}")
    if renamed:
        first, plain = next(iter(renamed.items()))
        more = f", and {len(renamed) - 1} more in that way" * (len(renamed) > 1)
        notes.append(f"{shorten(first)} was read as {plain}{more}")
    if missing := [CSV_NAMES[key] for key in CSV_NAMES if key not in chosen]:
        notes.append(f"the release lacks {', '.join(missing)}, whose lesions are not in the data")
    return chosen, notes


def _same(store: Folder | Archive, name: str, other: str) -> bool:
    try:
        return store.read(name) == store.read(other)
    except OSError:
        return False


def _whereabouts(store: Folder | Archive, base: str, top: str) -> list[str]:
    if _is_above(base):
        return [f"the case-description CSVs were found above {store.path}"]
    return [f"the release was found in {shorten(top.rstrip('/'))} of {store.path}"] if top else []


def _near_misses(top: str, tables: Tables, images: _Images) -> list[str]:
    """What lies or ends otherwise than documented, of a release below `top`."""
    names = list(itertools.chain(*images.jpegs.values()))
    used = {name.rpartition("/")[0] for name in tables.values() if not _is_above(name)}
    documented = {f"{top}csv", *([] if names else [top.rstrip("/")])}
    notes = []
    if odd := sorted(used - documented):
        notes.append(f"the CSVs were read from {_places(odd)}, not from csv/")
    around = {name.rsplit("/", 2)[0] if name.count("/") > 1 else "" for name in names}
    if odd := sorted(around - {f"{top}jpeg"}):
        notes.append(f"the images were read from {_places(odd)}, not from jpeg/")
    if odd := sorted({f".{name.rpartition('.')[2]}" for name in names} - {*JPEG_SUFFIXES}):
        notes.append(f"images that end in {', '.join(odd)} were read in place of .jpg")
    if odd := [name for name in images.dicoms if not name.lower().endswith(".dcm")]:
        notes.append(f"DICOM files that do not end in .dcm were read, {shorten(odd[0])} the first")
    return notes


def _places(folders: Iterable[str]) -> str:
    return _named(f"{folder}/" if folder else "the folder itself" for folder in folders)


def _lacking(
    store: Folder | Archive, tables: Iterable[str], by_base: Mapping[str, list[str]]
) -> CbisError:
    if by_base:
        return CbisError(
            f"{store.path} holds no jpeg/<SeriesInstanceUID>/*.jpg; give the folder or "
            "archive that holds both csv/ and jpeg/, or a folder that holds *.dcm files; the "
            f"case-description CSVs are there: {_named(by_base[min(by_base, key=_far)])}; "
            f"{_held(store)}"
        )
    alike = [name for name in tables if re.search("mass|calc|case", name, re.IGNORECASE)]
    return CbisError(
        f"{store.path} holds no case-description CSV; expected csv/"
        f"{CSV_NAMES['mass', 'train']} and its like beside jpeg/, or, of the DICOM "
        "release, these files in its folder, in csv/ there or above the folder; "
        + (f"did you mean {_named(alike)}? Rename it" if alike else _held(store))
    )


def _held(store: Folder | Archive) -> str:
    """What is there, by the ends of the names, for a message."""
    kinds: dict[str, list[str]] = {}
    for name in sorted(store.near()):
        suffix = re.search(r"[^/](\.[a-z]\w*)$", name.lower())
        kinds.setdefault(suffix[1] if suffix else "without a suffix", []).append(name)
    most = sorted(kinds.items(), key=lambda kind: -len(kind[1]))
    shown = [
        f"{len(names)} {kind} ({shorten(names[0])}{', ..' * (len(names) > 1)})"
        for kind, names in most[:NAMED]
    ]
    return f"it holds {', '.join(shown) or 'no file'}{', ..' * (len(most) > NAMED)}"


def _named(names: Iterable[str]) -> str:
    shown = [shorten(name) for name in names]
    return ", ".join(shown[:NAMED]) + (", .." if len(shown) > NAMED else "")
