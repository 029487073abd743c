"""Damage to the bytes of a CSV."""

import csv
import io

from tests.tfds_cbis.damage import damage
from tests.tfds_cbis.healthy_release import Case, Key, csv_name

NO_CSV = "is no readable CSV"
LACKS = "lacks the column"


def table(name: str, outcome: str, words: str, change) -> None:
    """Enters a damage that replaces a CSV by change(bytes)."""

    def apply(case: Case, pick: int, share: float) -> None:
        file = csv_name(_key(case, pick))
        case.write(file, change(case.read(file)))

    apply.__name__ = name
    damage(outcome, words, stage="table")(apply)


def text_of(data: bytes) -> str:
    return data.decode("utf-8", "replace")


def with_columns(data: bytes, change) -> bytes:
    """The same table with change(row) for every row, the header among them."""
    rows = list(csv.reader(io.StringIO(text_of(data).replace("\0", ""), newline="")))
    text = io.StringIO(newline="")
    csv.writer(text).writerows([change(row) if row else row for row in rows])
    return text.getvalue().encode("utf-8", "surrogateescape")


table("byte order mark", "kept", "", lambda data: b"\xef\xbb\xbf" + data)
table("CRLF", "kept", "", lambda data: data.replace(b"\r", b"").replace(b"\n", b"\r\n"))
table("LF", "kept", "", lambda data: data.replace(b"\r", b""))
table("CR", "kept", "", lambda data: data.replace(b"\r\n", b"\r"))
table("empty lines", "kept", "", lambda data: data + b"\r\n\n\r\n")
table(
    "columns reversed",
    "kept",
    "",
    lambda data: with_columns(data, lambda row: row[6::-1] + row[7:]),
)
table(
    "more columns",
    "kept",
    "",
    lambda data: with_columns(data, lambda row: ["note", *row, "", "ä;\n", "1e999"]),
)
table(
    "names spelled otherwise",
    "kept",
    "",
    lambda data: data.replace(b"patient_id", b" Patient ID ").replace(b"image view", b"IMAGE_VIEW"),
)
for place, name in enumerate(("first", "second", "third", "fourth", "fifth", "sixth", "last")):
    table(
        f"without the {name} column",
        "refused",
        LACKS,
        lambda data, place=place: with_columns(data, lambda row: row[:place] + row[place + 1 :]),
    )
table("column renamed", "refused", LACKS, lambda data: data.replace(b"pathology", b"diagnosis", 1))
table(
    "column twice",
    "refused",
    "twice",
    lambda data: with_columns(data, lambda row: [*row, row[3]] if len(row) > 3 else row),
)
table("header lost", "refused", LACKS, lambda data: data.partition(b"\n")[2])
table("line before the header", "refused", LACKS, lambda data: b"sep=,\n" + data)
table("columns without end", "refused", LACKS, lambda _: b"x," * 100_000)
table("semicolons", "kept", "", lambda data: data.replace(b",", b";"))
table("tabs", "kept", "", lambda data: data.replace(b",", b"\t"))
table("UTF-16", "refused", NO_CSV, lambda data: text_of(data).encode("utf-16"))
table(
    "UTF-16 without mark",
    "refused",
    f"{NO_CSV}|{LACKS}",
    lambda data: text_of(data).encode("utf-16-le"),
)
table("UTF-32", "refused", f"{NO_CSV}|{LACKS}", lambda data: text_of(data).encode("utf-32"))
table("Latin-1", "refused", NO_CSV, lambda data: data.replace(b"BENIGN", b"B\xc9NIGN"))
table("zeros", "refused", f"{NO_CSV}|{LACKS}", lambda data: bytes(len(data)))
table("a picture for a CSV", "refused", NO_CSV, lambda _: b"\xff\xd8\xff\xe0\0\x10JFIF" * 50)
table(
    "a web page for a CSV",
    "refused",
    "is a web page",
    lambda _: b"<!doctype html>\n<title>404</title>\n",
)
table("CSV of no bytes", "refused", LACKS, lambda _: b"")
table("CSV of blanks", "refused", LACKS, lambda _: b" \n\n ")
table(
    "cell without end",
    "refused",
    NO_CSV,
    lambda data: data.replace(b"BENIGN", b"BENIGN" * 50_000, 1),
)
table("quote lost", "refused", NO_CSV, lambda data: data.replace(b'\n"', b"\n", 1))
table("quote too many", "refused", NO_CSV, lambda data: data.replace(b",LEFT", b',"LEFT', 1))


@damage("refused", "bytes")
def csv_of_a_terabyte(case: Case, pick: int, share: float) -> None:
    name = csv_name(_key(case, pick))
    case.write(name, case.read(name))
    with case.path(name).open("r+b") as file:
        file.truncate(1 << 40)  # sparse: takes no room


@damage("unsure")
def csv_cut_off(case: Case, pick: int, share: float) -> set[str]:
    """Lesions of whole rows that are missing can be known to nobody."""
    key = _key(case, pick)
    name = csv_name(key)
    data = case.read(name)
    data = data[: int(share * len(data))]
    case.write(name, data)
    left = text_of(data)
    ids = {x.id for x in case.lesions.values() if x.key == key}
    case.gone |= {each for each in ids if f"{each}/" not in left}
    case.doubtful |= ids
    return ids


@damage("kept")
def csv_missing(case: Case, pick: int, share: float) -> set[str]:
    key = _key(case, pick)
    case.path(csv_name(key)).unlink()
    ids = {x.id for x in case.lesions.values() if x.key == key}
    case.gone |= ids
    return ids


@damage("kept")
def csv_without_rows(case: Case, pick: int, share: float) -> set[str]:
    key = _key(case, pick)
    name = csv_name(key)
    case.write(name, case.read(name).partition(b"\n")[0])
    ids = {x.id for x in case.lesions.values() if x.key == key}
    case.gone |= ids
    return ids


@damage("dropped", "disagrees with its paths")
def splits_swapped(case: Case, pick: int, share: float) -> set[str]:
    kind = ("mass", "calc")[pick % 2]
    return _swap(case, (kind, "train"), (kind, "test"))


@damage("refused", "disagrees with its paths")
def types_swapped(case: Case, pick: int, share: float) -> set[str]:
    """No lesion of the split is left."""
    split = ("train", "test")[pick % 2]
    return _swap(case, ("mass", split), ("calc", split))


def _swap(case: Case, first: Key, second: Key) -> set[str]:
    if not (case.path(csv_name(first)).exists() and case.path(csv_name(second)).exists()):
        return set()
    contents = case.read(csv_name(first)), case.read(csv_name(second))
    case.write(csv_name(second), contents[0])
    case.write(csv_name(first), contents[1])
    return {x.id for x in case.lesions.values() if x.key in (first, second)} - case.gone


def _key(case: Case, pick: int) -> Key:
    there = [key for key in case.rows if case.path(csv_name(key)).is_file()]
    return there[pick % len(there)]
