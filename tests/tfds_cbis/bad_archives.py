"""The release in a zip archive, and damage to that."""

import os
import stat
import zipfile
from pathlib import Path

from tests.tfds_cbis.damage import damage
from tests.tfds_cbis.healthy_release import Case, csv_name

HUGE = 3 << 30


def packed(case: Case, top: str = "", method: int = zipfile.ZIP_STORED) -> Path:
    """Makes the archive of the folder as it is now; returns its path, which is prepared then."""
    case.data = case.folder.with_name("archive.zip")
    with zipfile.ZipFile(case.data, "w", method) as archive:
        for path in sorted([*case.folder.glob("csv/*"), *case.folder.glob("jpeg/*/*")]):
            if path.is_file():
                name = path.relative_to(case.folder).as_posix()
                with path.open("rb") as file:
                    content = file.read(1_000_000)  # the terabyte of another damage is not packed
                archive.writestr(top + os.fsencode(name).decode("latin-1"), content)
    return case.data


def patch(archive: Path, name: str, *, field: str, value: int) -> None:
    """Changes a field of a member's two headers.

    Args:
      field: 'flags', 'method', 'crc' or 'size' (once unpacked).
    """
    local, central, width = {
        "flags": (6, 8, 2),
        "method": (8, 10, 2),
        "crc": (14, 16, 4),
        "size": (22, 24, 4),
    }[field]
    data = bytearray(archive.read_bytes())
    wanted = name.encode()
    for sign, length, offset in ((b"PK\3\4", 30, local), (b"PK\1\2", 46, central)):
        place = data.find(sign)
        while data[place + length : place + length + len(wanted)] != wanted:
            place = data.index(sign, place + 1)
        data[place + offset : place + offset + width] = value.to_bytes(width, "little")
    archive.write_bytes(bytes(data))


def header(name: str, outcome: str, words: str, *, method: int = zipfile.ZIP_STORED, **fields):
    """Enters two damages of a member's headers: of an image, and of a CSV."""

    def of_image(case: Case, pick: int, share: float) -> set[str]:
        known = case.choose(pick)
        member = (known.image, known.mask)[pick % 2]
        patch(packed(case, method=method), member, **fields)
        return {known.id} if pick % 2 else case.ids(case.of_view(known))

    def of_csv(case: Case, pick: int, share: float) -> None:
        there = [csv_name(key) for key in case.rows if case.path(csv_name(key)).exists()]
        patch(packed(case, method=method), there[pick % len(there)], **fields)

    of_image.__name__, of_csv.__name__ = f"image {name}", f"csv {name}"
    damage(outcome, words, stage="archive")(of_image)
    damage("refused", words, stage="archive")(of_csv)


header("encrypted", "dropped", "encrypted", field="flags", value=1)
header("packed in an unknown way", "dropped", "compression", field="method", value=99)
header("with a wrong sum", "dropped", "CRC", field="crc", value=12345)
header("that says 3 GB", "dropped", "bytes", field="size", value=HUGE)
header("packed that is not", "dropped", "damaged archive member", field="method", value=8)
header("not bzip2", "dropped", "Invalid data stream", field="method", value=12)
header("not lzma", "dropped", "damaged archive member", field="method", value=14)


@damage("kept")
def archive(case: Case, pick: int, share: float) -> None:
    packed(case, method=(zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED, zipfile.ZIP_LZMA)[pick % 3])


@damage("kept")
def archive_with_members_that_climb_out(case: Case, pick: int, share: float) -> None:
    with zipfile.ZipFile(packed(case), "a") as archive:
        for name in (
            "../evil.jpg",
            "/evil.jpg",
            "jpeg/../evil.jpg",
            "jpeg/x/../../../evil.jpg",
            "csv/../../evil.csv",
            "jpeg//evil.jpg",
            "C:\\evil.jpg",
            "jpeg/../../evil.jpg",
        ):
            archive.writestr(name, b"\xff\xd8 evil \xff\xd9")


@damage("dropped", "unreadable image")
def archive_with_a_link(case: Case, pick: int, share: float) -> set[str]:
    """A link is a member that holds a path; nothing follows it."""
    known = case.choose(pick)
    link = zipfile.ZipInfo((known.image, known.mask)[pick % 2])
    link.create_system, link.external_attr = 3, (stat.S_IFLNK | 0o777) << 16
    case.path(link.filename).unlink(missing_ok=True)
    with zipfile.ZipFile(packed(case), "a") as archive:
        archive.writestr(link, str(case.folder.parent / "outside" / "decoy.jpg"))
    return {known.id} if pick % 2 else case.ids(case.of_view(known))


@damage("dropped", "bytes")
def archive_with_a_bomb(case: Case, pick: int, share: float) -> set[str]:
    """An image of 300 MB of zeros, packed in 300 kB."""
    known = case.choose(pick)
    case.path(known.mask).unlink(missing_ok=True)
    path = packed(case)
    with (
        zipfile.ZipFile(path, "a", zipfile.ZIP_DEFLATED, compresslevel=1) as archive,
        archive.open(known.mask, "w") as member,
    ):
        for _ in range(300):
            member.write(bytes(1_000_000))
    return {known.id}


@damage("refused", "no readable zip archive")
def archive_cut_off(case: Case, pick: int, share: float) -> None:
    path = packed(case)
    data = path.read_bytes()
    path.write_bytes(data[: int(share * (len(data) - 1))])


@damage("refused", "no readable zip archive")
def archive_of_chance(case: Case, pick: int, share: float) -> None:
    case.data = case.folder.with_name("archive.zip")
    case.data.write_bytes((b"", b"Rar!\x1a\7", b"\x1f\x8b\x08", b"PK\5\6", b"%PDF")[pick % 5])


@damage("kept")
def archive_with_a_folder_around(case: Case, pick: int, share: float) -> None:
    packed(case, top=("archive/", "./", "/", "a/b/")[pick % 4])


@damage("refused", "no case-description CSV")
def archive_of_nothing(case: Case, pick: int, share: float) -> None:
    case.data = case.folder.with_name("archive.zip")
    zipfile.ZipFile(case.data, "w").close()


def flipped(case: Case, start: int, stop: int, pick: int) -> None:
    """Changes a byte of the archive; a member that is lost to it takes its lesions along."""
    data = bytearray(case.data.read_bytes())
    place = start + pick % (stop - start)
    data[place] ^= 1 << pick % 8
    case.data.write_bytes(bytes(data))
    case.doubtful |= case.lesions.keys()
    case.gone |= case.lesions.keys()


@damage("unsure")
def archive_with_a_changed_byte(case: Case, pick: int, share: float) -> None:
    size = packed(case).stat().st_size
    flipped(case, int(share * (size - 1)), size, pick)


@damage("unsure")
def archive_with_a_changed_byte_in_its_index(case: Case, pick: int, share: float) -> None:
    data = packed(case).read_bytes()
    flipped(case, data.index(b"PK\1\2"), len(data), int(share * 1e9) + pick)
