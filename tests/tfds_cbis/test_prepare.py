"""The prepared data set: what it holds, when it is reused, and how it fails."""

import fcntl
import shutil
import signal
import subprocess
import sys
import textwrap
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import numpy as np
import pytest
import tensorflow_datasets as tfds

import tfds_cbis
from tests.tfds_cbis import reading
from tests.tfds_cbis.healthy_release import SIZE
from tests.tfds_cbis.test_release import is_open
from tests.tfds_cbis.toy_release import film, mask
from tfds_cbis.errors import CbisError
from tfds_cbis.labels import LABELS

ROOT = Path(__file__).resolve().parents[2]
VERSION = str(tfds_cbis.Builder.VERSION)
RECORDS = f"cbis_ddsm_patches/paper/{VERSION}/*.array_record*"


@pytest.fixture(scope="module")
def prepared(healthy, tmp_path_factory):
    folder = tmp_path_factory.mktemp("data")
    return tfds_cbis.prepare(healthy.folder, data_dir=folder, background_size=SIZE)


def python(code: str, *arguments) -> subprocess.CompletedProcess:
    """Runs code in a new interpreter at the repository's root."""
    command = [sys.executable, "-c", textwrap.dedent(code), *map(str, arguments)]
    return subprocess.run(
        command, cwd=ROOT, capture_output=True, text=True, check=False, timeout=120
    )


PREPARE = f"""
    import os, resource, signal, sys
    from pathlib import Path
    import tfds_cbis
    from tfds_cbis.errors import CbisError

    release, data_dir, last, largest = *map(Path, sys.argv[1:3]), *map(int, sys.argv[3:])
    if largest:
        resource.setrlimit(resource.RLIMIT_FSIZE, (largest, largest))

    def progress(done, total):
        if done == last:
            os.kill(os.getpid(), signal.SIGKILL)

    try:
        tfds_cbis.prepare(
            release, data_dir=data_dir, background_size={SIZE}, progress=progress
        )
    except CbisError as error:
        sys.exit(f"CbisError: {{error}}")
    assert not {{"tensorflow", "jax", "jaxcbis"}} & sys.modules.keys()
"""


def test_it_holds_what_is_cut(healthy, prepared):
    """Every patch once, with each of its features; the cutting has tests of its own."""
    cut, dropped, _ = reading.cut(healthy.folder, size=SIZE)
    assert dropped == tfds_cbis.summary(prepared)["dropped"] == []
    found = {example["id"]: example for example in reading.prepared(prepared)}
    assert found.keys() == {example["id"] for example in cut}
    for example in cut:
        assert found[example["id"]].keys() == example.keys()
        for key, value in example.items():
            np.testing.assert_array_equal(found[example["id"]][key], value)


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


def test_notes_are_on_the_release_as_it_is_given_now(healthy, prepared):
    given = healthy.folder / "jpeg"
    again = tfds_cbis.prepare(given, data_dir=prepared.data_dir_root, background_size=SIZE)
    (note,) = tfds_cbis.summary(again)["notes"]
    assert note == f"{healthy.folder} was read: {given} is a part of it"
    assert tfds_cbis.summary(prepared)["notes"] == []


def test_tfdss_own_way_gives_the_same_records(healthy, prepared, tmp_path):
    """`download_and_prepare` with a manual directory, without our `prepare`; of the archive."""
    archive = shutil.make_archive(str(tmp_path / "manual/archive"), "zip", healthy.folder)
    builder = tfds.builder("cbis_ddsm_patches/paper", data_dir=tmp_path, background_size=SIZE)
    config = tfds.download.DownloadConfig(manual_dir=Path(archive).parent)
    builder.download_and_prepare(download_config=config)
    assert not is_open(archive)
    assert records(tmp_path) == records(prepared.data_dir_root)


def records(data_dir) -> dict[str, bytes]:
    found = {path.name: path.read_bytes() for path in sorted(Path(data_dir).glob(RECORDS))}
    assert len(found) == 2
    return found


def test_the_archive_is_closed_while_its_patches_are_read(healthy, tmp_path):
    archive = shutil.make_archive(str(tmp_path / "archive"), "zip", healthy.folder)
    builder = tfds_cbis.prepare(Path(archive), data_dir=tmp_path, background_size=SIZE)
    assert not is_open(archive)
    assert len(builder.as_data_source("test")) == 19


def test_another_process_and_the_archive_write_the_same_bytes(healthy, prepared, tmp_path):
    archive = shutil.make_archive(str(tmp_path / "archive"), "zip", healthy.folder)
    run = python(PREPARE, archive, tmp_path / "data", -1, 0)
    assert run.returncode == 0, run.stderr
    assert run.stdout == ""
    assert records(tmp_path / "data") == records(prepared.data_dir_root)


def test_a_prepared_set_is_reused_and_progress_is_per_mammogram(healthy, tmp_path):
    calls = []

    def prepare():
        tfds_cbis.prepare(
            healthy.folder, data_dir=tmp_path, background_size=SIZE,
            progress=lambda *words: calls.append(words),
        )  # fmt: skip

    prepare()
    assert calls == [(done, 24) for done in range(1, 25)]
    prepare()
    assert len(calls) == 24


def test_it_waits_for_another_process_that_prepares(healthy, prepared, tmp_path):
    folder = tmp_path / "cbis_ddsm_patches/paper"
    folder.mkdir(parents=True)
    options = {"data_dir": tmp_path, "background_size": SIZE, "progress": pytest.fail}
    with ThreadPoolExecutor() as pool, (folder / ".lock").open("w") as other:
        fcntl.flock(other, fcntl.LOCK_EX)
        waiting = pool.submit(tfds_cbis.prepare, healthy.folder, **options)
        with pytest.raises(TimeoutError):
            waiting.result(0.3)
        shutil.copytree(Path(prepared.data_dir), folder / VERSION)  # what the other one does
        fcntl.flock(other, fcntl.LOCK_UN)
        assert Path(waiting.result(20).data_dir) == folder / VERSION


def test_other_options_ask_for_another_folder(healthy, prepared):
    with pytest.raises(CbisError, match=r"size 14, not from .* with 10; pass another --data-dir"):
        tfds_cbis.prepare(healthy.folder, data_dir=prepared.data_dir_root, background_size=10)


def test_another_release_asks_for_another_folder(toy, prepared, healthy):
    toy.add(files={"image/1-1.jpg": film(), "mask/1-1.jpg": mask((120, 100), 2, 3, 40, 50)})
    with pytest.raises(CbisError, match="another --data-dir") as caught:
        tfds_cbis.prepare(toy.write(), data_dir=prepared.data_dir_root, background_size=SIZE)
    assert str(healthy.folder) in str(caught.value)
    assert str(toy.folder) in str(caught.value)


def test_a_release_that_changed_is_known_by_every_spelling_of_its_path(toy, tmp_path, monkeypatch):
    """Prepared by a relative path, and asked for from another folder."""
    whole = {"image/1-1.jpg": film(), "mask/1-1.jpg": mask((120, 100), 2, 3, 40, 50)}
    toy.add(files=whole)
    folder = toy.write()
    options = {"data_dir": tmp_path / "data", "background_size": 9}
    monkeypatch.chdir(folder.parent)
    (tmp_path / "link").symlink_to(folder)
    spellings = (Path(folder.name), folder, Path(f"{folder}/"), tmp_path / "link")
    for spelling in spellings:
        builder = tfds_cbis.prepare(spelling, **options)
        assert tfds_cbis.summary(builder)["source"] == str(folder)
        monkeypatch.chdir("/")
    toy.add(files=whole, patient="P_00002")
    toy.write()
    for spelling in spellings[1:]:
        with pytest.raises(CbisError, match=f"prepared from {spelling}, whose files have changed"):
            tfds_cbis.prepare(spelling, **options)


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
    assert not list((tmp_path / "data").glob(f"*/*/*{VERSION}*"))


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"protocol": "papre"}, "unknown protocol 'papre'; expected one of: paper"),
        ({"background_size": 0}, "background size is 0 pixels; expected 1 or more"),
    ],
)
def test_bad_options(healthy, tmp_path, options, message):
    with pytest.raises(CbisError, match=message):
        tfds_cbis.prepare(healthy.folder, data_dir=tmp_path, **options)


def test_a_killed_preparation_leaves_nothing_that_reads_as_finished(healthy, prepared, tmp_path):
    run = python(PREPARE, healthy.folder, tmp_path, 15, 0)
    assert run.returncode == -signal.SIGKILL
    assert not list(tmp_path.glob(RECORDS))
    assert list(tmp_path.glob("cbis_ddsm_patches/paper/incomplete*"))
    tfds_cbis.prepare(healthy.folder, data_dir=tmp_path, background_size=SIZE)
    assert records(tmp_path) == records(prepared.data_dir_root)
    assert not list(tmp_path.glob("cbis_ddsm_patches/paper/incomplete*"))


def test_a_full_disk_is_one_line(healthy, tmp_path):
    run = python(PREPARE, healthy.folder, tmp_path, -1, 20_000)
    assert run.returncode == 1
    (line,) = [text for text in run.stderr.splitlines() if text.startswith("CbisError")]
    assert "cannot keep the prepared data set" in line
    assert "pass another --data-dir" in line
    assert not list(tmp_path.glob(RECORDS))


def test_a_data_dir_that_cannot_be_written(healthy, tmp_path):
    (tmp_path / "file").write_text("")
    with pytest.raises(CbisError, match="cannot keep the prepared data set"):
        tfds_cbis.prepare(healthy.folder, data_dir=tmp_path / "file", background_size=SIZE)


@pytest.mark.parametrize("damage", ["dataset_info.json", "metadata.json", "records"])
def test_a_damaged_set_says_so(healthy, prepared, tmp_path, damage):
    shutil.copytree(prepared.data_dir_root, tmp_path / "data")
    folder = tmp_path / "data/cbis_ddsm_patches/paper" / VERSION
    if damage == "records":
        next(folder.glob("*train*record*")).unlink()
    else:
        (folder / damage).write_text('{"cut": "off')
    with pytest.raises(CbisError, match=r"(damaged|missing).*prepare again"):
        tfds_cbis.prepare(healthy.folder, data_dir=tmp_path / "data", background_size=SIZE)
