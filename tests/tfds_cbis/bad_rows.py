"""Damage to rows of the CSVs."""

import random

from tests.tfds_cbis.damage import damage
from tests.tfds_cbis.healthy_release import Case, Key, Known

PATIENT, SIDE, VIEW, PATHOLOGY, IMAGE, CROP, MASK = range(7)
PATH = "a path in its row is not"
DISAGREE = "disagrees with its paths"


def cell(name: str, column: int, outcome: str, words: str, change) -> None:
    """Enters a damage that puts change(cell) in one cell of a lesion's row."""

    def apply(case: Case, pick: int, share: float) -> set[str]:
        known = case.choose(pick)
        row = case.row(known)
        row[column] = change(row[column])
        return {known.id}

    apply.__name__ = name
    damage(outcome, words, stage="row")(apply)


def within(path: str, place: int, part: str) -> str:
    """A path with another component."""
    parts = path.split("/")
    parts[place] = part
    return "/".join(parts)


cell("label in small letters", PATHOLOGY, "kept", "", str.lower)
cell("label between blanks", PATHOLOGY, "kept", "", lambda text: f"\t {text}\n")
for label in ("UNPROVEN", "", "MALIGNANT\nBENIGN", "BENIGN_Mass", "0", "-1e999", "ſ" * 9999):
    cell(
        f"label {label[:20]!r}",
        PATHOLOGY,
        "dropped",
        "unknown pathology",
        lambda _, label=label: label,
    )

PATHS = (
    "", "/", "../../../etc", "/etc/passwd", "../../outside/decoy.jpg", "x" * 50_000, "../" * 200,
    "C:\\jpeg\\1-1.jpg", "https://example.org/1-1.jpg", "a/b/c/d/e",
)  # fmt: skip
for column, name in ((IMAGE, "mammogram"), (MASK, "mask")):
    for path in PATHS:
        reason = f"{PATH}|{DISAGREE}"
        cell(f"{name} path {path[:24]!r}", column, "dropped", reason, lambda _, path=path: path)
    cell(f"{name} path absolute", column, "dropped", PATH, lambda text: f"/{text}")
    cell(f"{name} path of two lines", column, "dropped", DISAGREE,
         lambda text: text.replace("/", "\nTraceback: x/", 1))  # fmt: skip
    cell(f"{name} path of another patient", column, "dropped", DISAGREE,
         lambda text: text.replace("_P_0", "_P_9", 1))  # fmt: skip


for series in ("..", ".", "1.2.3", "jpeg"):
    cell(
        f"mammogram in the series {series!r}",
        IMAGE,
        "dropped",
        "missing mammogram",
        lambda text, series=series: within(text, 2, series),
    )


@damage("dropped", "missing mask")
def mask_in_a_series_that_is_not_there(case: Case, pick: int, share: float) -> set[str]:
    known = case.choose(pick)
    row = case.row(known)
    for column in (MASK, CROP):
        row[column] = within(row[column], 2, ("..", ".", "1.2.3", "jpeg")[pick % 4])
    return {known.id}


cell(
    "lesion's number absurd",
    MASK,
    "dropped",
    DISAGREE,
    lambda text: within(text, 0, text.split("/")[0] + "e999"),
)
cell("crop path blank", CROP, "kept", "", lambda _: "")
cell("patient of another row", PATIENT, "dropped", DISAGREE, lambda _: "P_99999")
cell("patient blank", PATIENT, "dropped", DISAGREE, lambda _: "")
cell("the other side", SIDE, "dropped", DISAGREE, lambda _: "RIGHT")
cell("the other view", VIEW, "dropped", DISAGREE, lambda _: "MLO")


@damage("dropped", DISAGREE)
def side_and_view_swapped(case: Case, pick: int, share: float) -> set[str]:
    known = case.choose(pick)
    row = case.row(known)
    row[SIDE], row[VIEW] = row[VIEW], row[SIDE]
    return {known.id}


@damage("kept")
def mask_and_crop_paths_swapped(case: Case, pick: int, share: float) -> set[str]:
    known = case.choose(pick)
    row = case.row(known)
    row[CROP], row[MASK] = row[MASK], row[CROP]
    return {known.id}


@damage("kept")
def row_of_a_view_that_gives_backgrounds(case: Case, pick: int, share: float) -> set[str]:
    """The lesion cannot be placed, so that no background can be drawn safely either."""
    free = case.free(labelled=False)
    known = free[pick % len(free)]
    case.row(known)[MASK] = ("", "a/b/c/d", "/etc/passwd")[pick % 3]
    case.barren.add(known.view_id)
    return {known.id}


@damage("kept")
def blank_rows(case: Case, pick: int, share: float) -> None:
    rows = case.rows[_key(case, pick)]
    for blank in ([], [""] * 7, [" "] * 7, [""] * 30):
        rows.insert(int(share * len(rows)), blank)


@damage("kept")
def rows_shuffled(case: Case, pick: int, share: float) -> None:
    random.Random(pick).shuffle(case.rows[_key(case, pick)])


@damage("kept")
def more_cells_than_columns(case: Case, pick: int, share: float) -> set[str]:
    known = case.choose(pick)
    case.row(known).extend(["", "9" * 400, "-1e999"])
    return {known.id}


@damage("dropped", PATH)
def fewer_cells_than_columns(case: Case, pick: int, share: float) -> set[str]:
    known = case.choose(pick)
    row = case.row(known)
    del row[1 + int(share * 5.99) :]
    return {known.id}


@damage("dropped", f"{PATH}|{DISAGREE}")
def row_shifted(case: Case, pick: int, share: float) -> set[str]:
    known = case.choose(pick)
    case.row(known).insert(int(share * 4.99), "")  # in front of what is needed of its paths
    return {known.id}


@damage("kept")
def row_twice(case: Case, pick: int, share: float) -> set[str]:
    known = case.choose(pick)
    case.rows[known.key].insert(0, list(case.row(known)))
    return {known.id}


@damage("dropped", "another row")
def row_twice_with_two_labels(case: Case, pick: int, share: float) -> set[str]:
    known = case.choose(pick)
    row = list(case.row(known))
    row[PATHOLOGY] = "BENIGN" if known.pathology != "BENIGN" else "MALIGNANT"
    case.rows[known.key].insert(pick % 2 * 999, row)
    return {known.id}


@damage("dropped", "another row")
def mammogram_of_another_row(case: Case, pick: int, share: float) -> set[str]:
    """Which of the two rows is right cannot be known, so that neither view is."""
    known, other = _two(case, pick)
    row = case.row(known)
    row[IMAGE] = within(row[IMAGE], 2, case.row(other)[IMAGE].split("/")[2])
    return {known.id} | case.ids(case.of_view(other))


@damage("dropped", "another row")
def mask_of_another_row(case: Case, pick: int, share: float) -> set[str]:
    known, other = _two(case, pick)
    row = case.row(known)
    row[MASK] = within(row[MASK], 2, case.row(other)[MASK].split("/")[2])
    return {known.id, other.id}


@damage("kept")
def row_in_the_other_type_s_file_too(case: Case, pick: int, share: float) -> set[str]:
    known = case.choose(pick)
    kind, split = known.key
    case.rows[{"mass": "calc", "calc": "mass"}[kind], split].append(list(case.row(known)))
    return {known.id}


@damage("dropped", DISAGREE)
def row_in_the_other_split_s_file(case: Case, pick: int, share: float) -> set[str]:
    known = case.choose(pick)
    row = case.row(known)
    case.rows[known.key].remove(row)
    kind, split = known.key
    case.rows[kind, {"train": "test", "test": "train"}[split]].append(row)
    return {known.id}


@damage("kept")
def row_deleted(case: Case, pick: int, share: float) -> set[str]:
    """Nothing tells of the lesion any more: it cannot be named."""
    known = case.choose(pick)
    case.rows[known.key].remove(case.row(known))
    case.gone.add(known.id)
    return {known.id}


def _key(case: Case, pick: int) -> Key:
    return list(case.rows)[pick % len(case.rows)]


def _two(case: Case, pick: int) -> tuple[Known, Known]:
    """Lesions of two views."""
    known = case.choose(pick)
    others = [x for x in case.free() if x.view_id != known.view_id]
    others = [x for x in others if x.key == known.key] or others
    return known, others[pick % len(others)]
