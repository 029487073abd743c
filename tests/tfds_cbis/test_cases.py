"""Case-description rows: quirks of the CSVs, and the counts of the real ones."""

from collections import Counter, defaultdict

import pytest

from tfds_cbis.errors import CbisError
from tfds_cbis.release.cases import CSV_NAMES, TYPES, Lesion, views
from tfds_cbis.release.faults import distinct
from tfds_cbis.release.rows import parse

HEADER = (
    "patient_id,breast density,left or right breast,image view,abnormality id,abnormality type,"
    "pathology,image file path,cropped image file path,ROI mask file path"
)
ROW = (
    "P_00005,3,RIGHT,CC,1,calcification,MALIGNANT,Calc-Training_P_00005_RIGHT_CC/1.1/1.2/000000.dcm,"
    '"Calc-Training_P_00005_RIGHT_CC_1/2.1/2.2/000001.dcm\n",'
    "Calc-Training_P_00005_RIGHT_CC_1/2.1/2.3/000000.dcm\n"
)
LESION = Lesion(
    id="Calc-Training_P_00005_RIGHT_CC_1",
    view_id="Calc-Training_P_00005_RIGHT_CC",
    split="train",
    patient_id="P_00005",
    side="RIGHT",
    view="CC",
    abnormality_type="calcification",
    pathology="MALIGNANT",
    image_uid="1.2",
    mask_uids=("2.3", "2.2"),
)


def read(text: str) -> list[Lesion]:
    data = text.encode()
    return parse(data, abnormality_type="calcification", split="train", where="calc.csv")


@pytest.mark.parametrize(
    "text",
    [
        f"{HEADER}\n{ROW}",
        f"{HEADER}\n{ROW}".replace("\n", "\r\n"),
        f"\ufeff{HEADER}\n{ROW}",
        f"{HEADER}\n{ROW}".replace("breast density", "breast_density"),
        f"{HEADER}\n{ROW}".replace("patient_id", "patient id"),
        f"{HEADER}\n{ROW}\n\n",
    ],
    ids=["LF", "CRLF", "byte order mark", "underscore", "blank", "empty lines"],
)
def test_a_row_reads_the_same_in_every_dress(text):
    assert read(text) == [LESION]


def test_a_file_with_only_its_header_has_no_lesion():
    assert read(HEADER) == []


def test_a_missing_column_is_named_with_its_file():
    with pytest.raises(CbisError, match=r"calc\.csv lacks the column 'pathology'; it has 'patient"):
        read(f"{HEADER}\n{ROW}".replace("pathology", "diagnosis"))


def test_bytes_that_are_no_text_are_refused():
    with pytest.raises(CbisError, match=r"calc\.csv is no readable CSV"):
        parse(b"\xff\xfe\x00", abnormality_type="mass", split="train", where="calc.csv")


def test_two_lesions_under_one_id_both_stay_and_a_repeated_row_does_not():
    other = read(f"{HEADER}\n{ROW.replace('2.3', '2.9').replace('2.2', '2.8')}")
    kept, dropped = distinct([LESION, *other, LESION])
    assert [lesion.id for lesion in kept] == [LESION.id, f"{LESION.id}-2"]
    assert kept[1].mask_uids == ("2.9", "2.8")
    assert dropped == [{"id": LESION.id, "reason": "the same row appears twice"}]


def test_a_row_with_a_broken_path_is_dropped_by_name():
    (lesion,), dropped = distinct(read(f"{HEADER}\n{ROW.replace('/1.1/1.2/', '/')}"))
    assert not lesion.is_target
    assert views([lesion]) == []
    assert dropped == [
        {"id": LESION.id, "reason": "a path in its row is not ID/study/series/file.dcm"}
    ]


def test_the_real_rows(shared_data):
    lesions = []
    for (stem, split), name in CSV_NAMES.items():
        data = (shared_data / "cbis_csv" / name).read_bytes()
        lesions += parse(data, abnormality_type=TYPES[stem], split=split, where=name)
    counts = Counter((x.abnormality_type, x.split, x.pathology) for x in lesions)
    names = ("BENIGN", "BENIGN_WITHOUT_CALLBACK", "MALIGNANT")
    assert {
        (kind, split): tuple(counts[kind, split, name] for name in names)
        for kind in TYPES.values()
        for split in ("train", "test")
    } == {
        ("mass", "train"): (577, 104, 637),
        ("mass", "test"): (194, 37, 147),
        ("calcification", "train"): (528, 474, 544),
        ("calcification", "test"): (130, 67, 129),
    }
    assert distinct(lesions) == (lesions, [])
    assert sum(len(lesion.mask_uids) == 2 for lesion in lesions) == 104

    grouped = views(lesions)
    assert sum(len(view.lesions) > 1 for view in grouped) == 293
    assert max(len(view.lesions) for view in grouped) == 7
    kinds = [{lesion.pathology == "MALIGNANT" for lesion in view.lesions} for view in grouped]
    assert sum(len(kind) == 2 for kind in kinds) == 17

    places = defaultdict(set)
    patients = defaultdict(set)
    for lesion in lesions:
        place = (lesion.patient_id, lesion.side, lesion.view)
        places[place].add((lesion.abnormality_type, lesion.split))
        patients[lesion.patient_id].add(lesion.split)
    both = [place for place, found in places.items() if len({kind for kind, _ in found}) == 2]
    assert len(both) == 71
    assert sum(bool(view.others) for view in grouped) == 2 * 71
    assert sum(len(found) == 2 for found in patients.values()) == 31
