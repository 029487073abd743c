"""The prepared data set: what it holds, when it is reused, and how it fails."""

import resource
import shutil
import signal
import subprocess
import sys
import textwrap
from pathlib import Path

import numpy as np
import pytest
import tensorflow_datasets as tfds

import tfds_cbis
from tests.tfds_cbis.toy_release import film, mask
from tfds_cbis.errors import CbisError
from tfds_cbis.labels import LABELS
from tfds_cbis.release.files import Release
from tfds_cbis.release.phantom import DEMO_BACKGROUND_SIZE

ROOT = Path(__file__).resolve().parents[2]
SIZE = DEMO_BACKGROUND_SIZE
RECORDS = "cbis_ddsm_patches/paper/1.0.0/*.array_record*"


@pytest.fixture(scope="module")
def prepared(small_demo, tmp_path_factory):
    folder = tmp_path_factory.mktemp("data")
    return tfds_cbis.prepare(small_demo, data_dir=folder, background_size=SIZE)


def python(code: str, *arguments, **options) -> subprocess.CompletedProcess:
    """Runs code in a new interpreter at the repository's root."""
    command = [sys.executable, "-c", textwrap.dedent(code), *map(str, arguments)]
    return subprocess.run(
        command, cwd=ROOT, capture_output=True, text=True, check=False, timeout=120, **options
    )


PREPARE = f"""
    import os, signal, sys
    from pathlib import Path
    import tfds_cbis
    from tfds_cbis.errors import CbisError

    release, data_dir, last = Path(sys.argv[1]), Path(sys.argv[2]), int(sys.argv[3])

    def progress(done, total):
        if done == last:
            os.kill(os.getpid(), signal.SIGKILL)

    try:
        tfds_cbis.prepare(
            release, data_dir=data_dir, background_size={SIZE}, progress=progress
        )
    except CbisError as error:
        sys.exit(f"CbisError: {{error}}")
    assert not {{"tensorflow", "jax"}} & sys.modules.keys()
"""


def test_every_lesion_of_the_release_is_there_once(small_demo, prepared):
    lesions, _ = Release(small_demo).lesions()
    assert tfds_cbis.summary(prepared)["dropped"] == []
    for split in ("train", "test"):
        source = prepared.as_data_source(split=split)
        expected = {x.id: x for x in lesions if x.split == split and x.is_target}
        found = {x["id"].decode(): x for x in source if x["label"] != 0}
        assert found.keys() == expected.keys()
        backgrounds = {x["id"] for x in source if x["label"] == 0}
        assert len(found) + len(backgrounds) == len(source)
        wanted = {"train": 644 / 1886, "test": 310 / 547}[split] * len(found)
        assert len(backgrounds) == round(wanted)
        for name, example in found.items():
            assert example["pathology"].decode() == expected[name].pathology
            x0, y0, x1, y1 = example["box"]
            assert example["image"].shape == example["mask"].shape == (y1 - y0, x1 - x0, 1)
            assert set(np.unique(example["mask"])) <= {0, 255}
            assert example["mask"].any()


def test_it_is_read_by_name_without_its_release(prepared):
    builder = tfds.builder("cbis_ddsm_patches/paper", data_dir=prepared.data_dir_root)
    assert tuple(builder.info.features["label"].names) == LABELS
    assert tfds_cbis.summary(builder) == tfds_cbis.summary(prepared)
    first, again = (b.as_data_source(split="test")[3] for b in (builder, prepared))
    assert first.keys() == again.keys()
    for key in first:
        np.testing.assert_array_equal(first[key], again[key])
    assert builder.info.citation.count("@") == 2
    assert "CC BY 3.0" in builder.info.redistribution_info.license
    assert str(builder.version) in builder.release_notes


def test_tfdss_own_way_gives_the_same_records(small_demo, prepared, tmp_path):
    """`download_and_prepare` with a manual directory, without our `prepare`."""
    builder = tfds.builder("cbis_ddsm_patches/paper", data_dir=tmp_path, background_size=SIZE)
    config = tfds.download.DownloadConfig(manual_dir=small_demo)
    builder.download_and_prepare(download_config=config)
    assert records(tmp_path) == records(prepared.data_dir_root)


def records(data_dir) -> dict[str, bytes]:
    found = {path.name: path.read_bytes() for path in sorted(Path(data_dir).glob(RECORDS))}
    assert len(found) == 2
    return found


def test_another_process_and_the_archive_write_the_same_bytes(small_demo, prepared, tmp_path):
    archive = shutil.make_archive(str(tmp_path / "archive"), "zip", small_demo)
    run = python(PREPARE, archive, tmp_path / "data", -1)
    assert run.returncode == 0, run.stderr
    assert run.stdout == ""
    assert records(tmp_path / "data") == records(prepared.data_dir_root)


def test_a_prepared_set_is_reused_and_progress_is_per_mammogram(small_demo, tmp_path):
    calls = []

    def prepare():
        tfds_cbis.prepare(
            small_demo,
            data_dir=tmp_path,
            background_size=SIZE,
            progress=lambda *args: calls.append(args),
        )

    prepare()
    total = len(calls)
    assert calls == [(done, total) for done in range(1, total + 1)]
    prepare()
    assert len(calls) == total


def test_other_options_ask_for_another_folder(small_demo, prepared):
    with pytest.raises(CbisError, match=r"size 48, not from .* with 40; pass another --data-dir"):
        tfds_cbis.prepare(small_demo, data_dir=prepared.data_dir_root, background_size=40)


def test_another_release_asks_for_another_folder(toy, prepared, small_demo):
    toy.add(files={"image/1-1.jpg": film(), "mask/1-1.jpg": mask((120, 100), 2, 3, 40, 50)})
    with pytest.raises(CbisError, match="another --data-dir") as caught:
        tfds_cbis.prepare(toy.write(), data_dir=prepared.data_dir_root, background_size=SIZE)
    assert str(small_demo) in str(caught.value)
    assert str(toy.folder) in str(caught.value)


def test_what_was_dropped_is_stored(toy, tmp_path):
    whole = {"image/1-1.jpg": film(), "mask/1-1.jpg": mask((120, 100), 2, 3, 40, 50)}
    toy.add(files=whole)
    lost = toy.add(files={"image/1-1.jpg": film()}, patient="P_00002")
    odd = toy.add(files=whole, patient="P_00003", pathology="UNPROVEN")
    builder = tfds_cbis.prepare(toy.write(), data_dir=tmp_path / "data", background_size=9)
    read = tfds.builder("cbis_ddsm_patches/paper", data_dir=tmp_path / "data")
    for summary in (tfds_cbis.summary(builder), tfds_cbis.summary(read)):
        reasons = {entry["id"]: entry["reason"] for entry in summary["dropped"]}
        assert reasons[lost].startswith("missing mask")
        assert reasons[odd] == "unknown pathology 'UNPROVEN'"
        assert summary["source"] == str(toy.folder)
        assert summary["background_size"] == 9
    assert list(builder.info.splits) == ["train"]


def test_a_release_that_gives_no_lesion(toy, tmp_path):
    name = toy.add(files={"image/1-1.jpg": film()})
    with pytest.raises(CbisError, match=f"no lesion of the train split .*{name}: missing mask"):
        tfds_cbis.prepare(toy.write(), data_dir=tmp_path / "data")


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"protocol": "papre"}, "unknown protocol 'papre'; expected one of: paper"),
        ({"background_size": 0}, "background size is 0 pixels; expected 1 or more"),
    ],
)
def test_bad_options(small_demo, tmp_path, options, message):
    with pytest.raises(CbisError, match=message):
        tfds_cbis.prepare(small_demo, data_dir=tmp_path, **options)


def test_a_killed_preparation_leaves_nothing_that_reads_as_finished(small_demo, prepared, tmp_path):
    run = python(PREPARE, small_demo, tmp_path, 30)
    assert run.returncode == -signal.SIGKILL
    assert not list(tmp_path.glob(RECORDS))
    tfds_cbis.prepare(small_demo, data_dir=tmp_path, background_size=SIZE)
    assert records(tmp_path) == records(prepared.data_dir_root)


def test_a_full_disk_is_one_line(small_demo, tmp_path):
    def allow_small_files():
        resource.setrlimit(resource.RLIMIT_FSIZE, (100_000, 100_000))

    run = python(PREPARE, small_demo, tmp_path, -1, preexec_fn=allow_small_files)
    assert run.returncode == 1
    (line,) = [text for text in run.stderr.splitlines() if text.startswith("CbisError")]
    assert "cannot keep the prepared data set" in line
    assert "pass another --data-dir" in line
    assert not list(tmp_path.glob(RECORDS))


def test_a_data_dir_that_cannot_be_written(small_demo, tmp_path):
    (tmp_path / "file").write_text("")
    with pytest.raises(CbisError, match="cannot keep the prepared data set"):
        tfds_cbis.prepare(small_demo, data_dir=tmp_path / "file", background_size=SIZE)


@pytest.mark.parametrize("damage", ["dataset_info.json", "metadata.json", "records"])
def test_a_damaged_set_says_so(small_demo, prepared, tmp_path, damage):
    shutil.copytree(prepared.data_dir_root, tmp_path / "data")
    folder = tmp_path / "data/cbis_ddsm_patches/paper/1.0.0"
    if damage == "records":
        next(folder.glob("*train*record*")).unlink()
    else:
        (folder / damage).write_text('{"cut": "off')
    with pytest.raises(CbisError, match=r"(damaged|missing).*prepare again"):
        tfds_cbis.prepare(small_demo, data_dir=tmp_path / "data", background_size=SIZE)
