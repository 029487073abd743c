"""A demo release: phantom mammograms in the layout of CBIS-DDSM's Kaggle release.

It has the real one's columns and its quirks: newlines inside quoted paths, two spellings of the
density column, a CSV with CRLF line ends, crop and mask in one folder in either order or in two
folders, and empty `SeriesDescription` cells.
"""

import csv
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import cv2
import numpy as np

from tfds_cbis.errors import CbisError
from tfds_cbis.release.cases import CSV_NAMES, SPLITS, TYPES, WITHOUT_CALLBACK
from tfds_cbis.release.phantom_drawing import CONTRAST, LESIONS, mammogram, place

#: Side in pixels of the background crops that suit the phantoms; lesions are as large.
DEMO_BACKGROUND_SIZE = 48
#: Sides in pixels of the squares that lesions are drawn in.
LESION_SIZES = (36, 68)
#: Patients of each lesion class in train and in test; half as many of each type have a finding
#: without callback.
PATIENTS = (20, 11)
#: Every such patient has two lesions in a view.
SEVERAL_EVERY = 4
#: Every such lesion has its crop and its mask in two folders, and every such image no
#: SeriesDescription.
TWO_FOLDERS_EVERY, UNDESCRIBED_EVERY = 10, 20

GROUPS = [*LESIONS, ("mass", WITHOUT_CALLBACK), ("calcification", WITHOUT_CALLBACK)]
DESCRIPTORS = {
    "mass": {"mass shape": ("OVAL", "IRREGULAR"), "mass margins": ("CIRCUMSCRIBED", "SPICULATED")},
    "calc": {"calc type": ("ROUND_AND_REGULAR", "PLEOMORPHIC"),
             "calc distribution": ("REGIONAL", "CLUSTERED")},
}  # fmt: skip
DICOM_COLUMNS = (
    "file_path", "image_path", "AccessionNumber", "BitsAllocated", "BitsStored",
    "BodyPartExamined", "Columns", "ContentDate", "ContentTime", "ConversionType", "HighBit",
    "InstanceNumber", "LargestImagePixelValue", "Laterality", "Modality", "PatientBirthDate",
    "PatientID", "PatientName", "PatientOrientation", "PatientSex", "PhotometricInterpretation",
    "PixelRepresentation", "ReferringPhysicianName", "Rows", "SOPClassUID", "SOPInstanceUID",
    "SamplesPerPixel", "SecondaryCaptureDeviceManufacturer",
    "SecondaryCaptureDeviceManufacturerModelName", "SeriesDescription", "SeriesInstanceUID",
    "SeriesNumber", "SmallestImagePixelValue", "SpecificCharacterSet", "StudyDate", "StudyID",
    "StudyInstanceUID", "StudyTime",
)  # fmt: skip


class _Writer:
    """Writes images into series folders and remembers them for dicom_info.csv."""

    def __init__(self, folder: Path, rng: np.random.Generator):
        self.folder, self.rng = folder, rng
        self.dicom: list[dict[str, str]] = []

    def uid(self) -> str:
        """A DICOM UID under the root for UUIDs, drawn from the seed."""
        return f"2.25.{int.from_bytes(self.rng.bytes(16), 'big')}"

    def image(self, name: str, uid: str, order: int, image: np.ndarray, description: str) -> str:
        """Writes one image; returns its path as the case-description files give it."""
        file = f"{order}-{len(self.dicom) + 1:03d}"
        target = self.folder / "jpeg" / uid
        target.mkdir(parents=True, exist_ok=True)
        data = cv2.imencode(".jpg", image, [cv2.IMWRITE_JPEG_QUALITY, 95])[1]
        (target / f"{file}.jpg").write_bytes(data.tobytes())
        undescribed = len(self.dicom) % UNDESCRIBED_EVERY == UNDESCRIBED_EVERY - 1
        self.dicom.append(
            {
                "file_path": f"CBIS-DDSM/dicom/{uid}/{file}.dcm",
                "image_path": f"CBIS-DDSM/jpeg/{uid}/{file}.jpg",
                "PatientID": name,
                "Rows": str(image.shape[0]),
                "Columns": str(image.shape[1]),
                "Modality": "MG",
                "SeriesDescription": "" if undescribed else description,
                "SeriesInstanceUID": uid,
            }
        )
        return f"{name}/{self.uid()}/{uid}/{order - 1:06d}.dcm"


def write_release(folder: Path, *, seed: int = 0, patients: tuple[int, int] = PATIENTS) -> None:
    """Writes a demo release; the same seed writes the same bytes.

    Args:
      folder: gets `csv/` and `jpeg/`; must not hold them yet.
      seed: of everything drawn, series UIDs included.
      patients: of each lesion class in train and in test; half as many, rounded up, of each
        type have a finding without callback.

    Raises:
      CbisError: if the folder holds a release already or cannot be written.
    """
    folder = Path(folder)
    try:
        (folder / "csv").mkdir(parents=True)
        (folder / "jpeg").mkdir()
        _write(folder, np.random.default_rng(seed), patients)
    except OSError as error:
        raise CbisError(
            f"cannot write the demo release to {folder}: {error}; give a folder that is new, "
            "or free the disk"
        ) from error


def _write(folder: Path, rng: np.random.Generator, patients: tuple[int, int]) -> None:
    writer = _Writer(folder, rng)
    rows: dict[tuple[str, str], list[dict[str, str]]] = {key: [] for key in CSV_NAMES}
    cases = [
        (split, *group)
        for split, count in zip(SPLITS, patients, strict=True)
        for group in GROUPS
        for _ in range(-(-count // 2) if WITHOUT_CALLBACK in group else count)
    ]
    for number, case in enumerate(rng.permutation(len(cases)), start=1):
        split, abnormality_type, pathology = cases[case]
        stem = next(stem for stem, name in TYPES.items() if name == abnormality_type)
        several = case % SEVERAL_EVERY == 0
        rows[stem, split] += _patient(
            writer, f"P_{number:05d}", stem, split, pathology, lesions=1 + several
        )
    for (stem, split), name in CSV_NAMES.items():
        density = "breast_density" if stem == "mass" else "breast density"
        columns = [
            "patient_id", density, "left or right breast", "image view", "abnormality id",
            "abnormality type", *DESCRIPTORS[stem], "assessment", "pathology", "subtlety",
            "image file path", "cropped image file path", "ROI mask file path",
        ]  # fmt: skip
        line_end = "\r\n" if (stem, split) == ("calc", "test") else "\n"
        _write_csv(folder / "csv" / name, columns, rows[stem, split], line_end)
    _write_csv(folder / "csv" / "dicom_info.csv", DICOM_COLUMNS, writer.dicom, "\n")


def _write_csv(
    path: Path, columns: Sequence[str], rows: list[dict[str, str]], line_end: str
) -> None:
    with path.open("w", newline="", encoding="utf-8") as file:
        table = csv.DictWriter(file, columns, restval="", lineterminator=line_end)
        table.writeheader()
        table.writerows(rows)


def _patient(
    writer: _Writer, patient: str, stem: str, split: str, pathology: str, *, lesions: int
) -> list[dict[str, str]]:
    """Writes both views of one breast; returns their case-description rows."""
    rng = writer.rng
    side = ("LEFT", "RIGHT")[rng.integers(2)]
    malignant = pathology == "MALIGNANT"
    common: dict[str, Any] = {
        "patient_id": patient,
        "breast_density" if stem == "mass" else "breast density": rng.integers(1, 5),
        "left or right breast": side,
        "abnormality type": TYPES[stem],
        "assessment": 5 if malignant else 2,
        "pathology": pathology,
        "subtlety": rng.integers(1, 6),
        **{column: values[malignant] for column, values in DESCRIPTORS[stem].items()},
    }
    draw = LESIONS[TYPES[stem], "MALIGNANT" if malignant else "BENIGN"]
    prefix = f"{stem.title()}-{'Training' if split == 'train' else 'Test'}"
    rows = []
    for view in ("CC", "MLO"):
        film, tissue = mammogram(rng, side=side, view=view)
        masks = []
        for _ in range(lesions):
            size = int(rng.integers(LESION_SIZES[0], LESION_SIZES[1] + 1))
            corner = place(rng, tissue, size)
            if corner is None:
                continue
            square = np.s_[corner[1] : corner[1] + size, corner[0] : corner[0] + size]
            shape, outline = draw(rng, size)
            film[square] += rng.uniform(*CONTRAST) * shape
            mask = np.zeros(film.shape, np.uint8)
            mask[square] = outline
            tissue[square] = False
            masks.append((mask, square))
        image = np.clip(film, 0, 255).astype(np.uint8)
        name = f"{prefix}_{patient}_{side}_{view}"
        path = writer.image(name, writer.uid(), 1, image, "full mammogram images")
        for number, (mask, square) in enumerate(masks, start=1):
            crop_path, mask_path = _write_lesion(writer, f"{name}_{number}", image[square], mask)
            # The real files end one of the paths with a newline: which one hangs on the type.
            newline = ("\n", "") if stem == "calc" else ("", "\n")
            rows.append(
                common
                | {
                    "image view": view,
                    "abnormality id": number,
                    "image file path": path,
                    "cropped image file path": crop_path + newline[0],
                    "ROI mask file path": mask_path + newline[1],
                }
            )
    return rows


def _write_lesion(
    writer: _Writer, name: str, crop: np.ndarray, mask: np.ndarray
) -> tuple[str, str]:
    """Writes a lesion's crop and mask; returns their paths in this order."""
    two_folders = len(writer.dicom) % TWO_FOLDERS_EVERY == 0
    mask_uid = writer.uid()
    crop_uid = writer.uid() if two_folders else mask_uid
    first = int(writer.rng.integers(1, 3))
    crop_path = writer.image(name, crop_uid, first, crop, "cropped images")
    mask_path = writer.image(name, mask_uid, 3 - first, mask, "ROI mask images")
    return crop_path, mask_path
