"""Damaged releases end in a correct data set that names what it dropped, or in one line.

The table of damages is in the modules bad_*; what must come of a lesion is known from what was
drawn into the release, not from the builder. Most releases are only cut; a few are prepared as a
whole, where TFDS has a part in what comes of them.
"""

import os
import re
import shutil
import signal
import tempfile
import warnings
from contextlib import contextmanager
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import pytest
from hypothesis import Phase, given, settings
from hypothesis import strategies as st

import tfds_cbis
from jaxcbis.commands.main import main
from tests.tfds_cbis import (  # noqa: F401
    bad_archives,
    bad_folders,
    bad_images,
    bad_rows,
    bad_tables,
    reading,
)
from tests.tfds_cbis.damage import DAMAGES, STAGES, Damage, do
from tests.tfds_cbis.healthy_release import SHAPE, SIZE, Case, Healthy, Known
from tests.tfds_cbis.toy_release import film, mask
from tfds_cbis.errors import CbisError
from tfds_cbis.labels import LABELS
from tfds_cbis.release.boxes import Box, square_around
from tfds_cbis.release.cases import WITHOUT_CALLBACK

SECONDS = 20


class Outcome(NamedTuple):
    """What became of a release: examples and dropped entries, or the error's line."""

    examples: list[dict[str, Any]]
    dropped: list[dict[str, str]]
    error: str = ""


@contextmanager
def damaged(healthy: Healthy):
    """A copy of the release with decoys around it, in a folder where only `out` may grow."""
    with tempfile.TemporaryDirectory(dir=healthy.folder.parent) as folder:
        case = healthy.copy(Path(folder) / "release")
        outside = Path(folder) / "outside"
        outside.mkdir()
        for place in ("", "../outside/"):  # where paths that climb out lead to
            case.write(f"{place}decoy.jpg", film(*SHAPE, seed=7))
            case.write(f"{place}mask.jpg", mask(SHAPE, 1, 1, 60, 60))
        before = Path.cwd()
        os.chdir(outside)
        try:
            yield case
        finally:
            os.chdir(before)


def apply(case: Case, chosen: list[tuple[Damage, int, float]]) -> list[set[str]]:
    """Does the damages stage by stage, what changes least first; returns the ids of each."""
    chosen = sorted(
        chosen, key=lambda entry: (STAGES.index(entry[0].stage), entry[0].outcome != "kept")
    )
    done, ids = [], []
    for stage in STAGES:
        for entry, pick, share in chosen:
            if entry.stage == stage and not clashes(entry, done):
                ids.append(do(entry, case, pick, share))
                done.append(entry)
        if stage == "row":
            case.write_rows()
    return ids


#: Each puts rows into another file; two of them may put a row back.
MOVES = {
    "splits swapped", "types swapped", "row in the other split s file",
    "row in the other type s file too",
}  # fmt: skip

#: Each may take one of two rows that contradict each other: then nothing tells that the other one
#: is wrong.
LOSE_ROWS = {"csv cut off", "csv missing", "csv without rows"}


def clashes(entry: Damage, done: list[Damage]) -> bool:
    """Whether a damage would undo another: of files as a whole, one of a stage is enough."""
    if entry.stage == "archive":
        return any(
            x.stage == "archive" or (x.stage, x.outcome) == ("folder", "refused") for x in done
        )
    if entry.name in MOVES and any(x.name in MOVES for x in done):
        return True
    if entry.name in LOSE_ROWS and any(x.words == "another row" for x in done):
        return True
    alone = entry.stage in ("table", "folder") and entry.outcome != "kept"
    return alone and any(x.stage == entry.stage and x.outcome != "kept" for x in done)


def tree(folder: Path) -> dict[str, tuple]:
    """Every file under a folder with what a write would change, but for what is in `out`."""
    found = {}
    for top, folders, files in os.walk(folder):
        if top == str(folder) and "out" in folders:
            folders.remove("out")
        for name in (*folders, *files):
            path = os.path.join(top, name)
            state = os.lstat(path)
            changed = state.st_mtime_ns if name in files else 0
            found[os.path.relpath(path, folder)] = (state.st_mode, state.st_size, changed)
    return found


@contextmanager
def time_limit(seconds: int):
    def stop(*_):
        raise TimeoutError(f"no end after {seconds} s")

    before = signal.signal(signal.SIGALRM, stop)
    signal.alarm(seconds)
    try:
        yield
    finally:
        signal.alarm(0)
        signal.signal(signal.SIGALRM, before)


def cut(case: Case, protocol: str) -> Outcome:
    return Outcome(*reading.cut(case.data, size=SIZE, protocol=protocol, windows=2)[:2])


def prepared(case: Case, protocol: str) -> Outcome:
    """Prepares a release as the program does."""
    out = case.folder.parent / "out"
    try:
        builder = tfds_cbis.prepare(
            case.data, protocol=protocol, data_dir=out, background_size=SIZE, windows=2
        )
    except CbisError:
        version = tfds_cbis.Builder.VERSION
        assert not list(out.glob(f"*/*/{version}")), "a refused release leaves no data set"
        raise
    return Outcome(reading.prepared(builder), tfds_cbis.summary(builder)["dropped"])


def outcome_of(case: Case, capfd, protocol: str = "paper", way=cut) -> Outcome:
    """What comes of a release; nothing may be printed, warned or left outside."""
    top = case.folder.parent
    before = tree(top)
    capfd.readouterr()
    with warnings.catch_warnings(record=True) as warned, time_limit(SECONDS):
        warnings.simplefilter("always")
        try:
            outcome = way(case, protocol)
        except CbisError as error:
            outcome = Outcome([], [], str(error))
    assert [str(each.message) for each in warned] == []
    assert capfd.readouterr() == ("", "")
    assert tree(top) == before
    return outcome


def check(healthy: Healthy, case: Case, outcome: Outcome, protocol: str) -> set[str]:
    """The rules that every outcome keeps; returns the ids of the lesions that are kept."""
    labelled = {x.id: x for x in case.lesions.values() if x.pathology != WITHOUT_CALLBACK}
    uncertain = case.lost | case.doubtful | case.gone
    if outcome.error:
        whole = [
            split
            for split in ("train", "test")
            if all(x.id in uncertain for x in labelled.values() if x.key[1] == split)
        ]
        assert case.refusable or whole, outcome.error
        assert outcome.error.splitlines() == [outcome.error]
        assert outcome.error.isprintable()
        assert str(case.data) in outcome.error, "it says where"
        assert re.search(r"[;,] (give|fetch|check|use|expected|or) ", outcome.error), "what to do"
        assert len(outcome.error) < 1500
        return set()
    kept, ids = set(), set()
    for example in outcome.examples:
        name = example["id"].partition("_window_")[0]
        if LABELS[example["label"]] == "BACKGROUND":
            check_background(healthy, case, example)
            continue
        assert example["id"] not in ids, f"{example['id']} is there twice"
        ids.add(example["id"])
        kept.add(name)
        check_lesion(healthy, labelled[name], example, protocol)
    # A row in another file is named by that file's type and split.
    named = {entry["id"].partition("_")[2] for entry in outcome.dropped}
    for entry in outcome.dropped:
        assert entry["id"].isprintable(), entry
        assert entry["reason"].isprintable(), entry
        assert entry["id"].strip("_"), entry
        assert 5 < len(entry["reason"]) < 500, entry
        assert len(entry["id"]) < 500, entry
    for name, known in labelled.items():
        if name in kept:
            assert name not in case.lost - case.gone, f"{name} should be dropped"
            continue
        assert name in uncertain, f"{name} is healthy, and not kept: {outcome.dropped}"
        patient = f"{known.patient}_"  # where its row ends there
        ends = (f"LEFT_CC_{name.rpartition('_')[2]}", "LEFT_CC", "_", "LEFT_")
        fine = named & {patient + end for end in ends}
        assert fine or name in case.gone, f"{name} is dropped and not named"
    return kept


def check_lesion(healthy: Healthy, known: Known, example: dict, protocol: str) -> None:
    kind, split = known.key
    suffix = {"mass": "Mass", "calc": "Calc"}[kind]
    assert LABELS[example["label"]] == f"{known.pathology}_{suffix}"
    assert example["split"] == split
    texts = [example[key] for key in ("patient_id", "side", "view", "pathology")]
    assert texts == [known.patient, "LEFT", "CC", known.pathology]
    assert example["abnormality_type"] == {"mass": "mass", "calc": "calcification"}[kind]
    box = Box(*known.box)
    if protocol == "clean":
        box = square_around(box, 0.2, SHAPE)
    if protocol == "shifted":  # anywhere around the lesion
        inner, box = box, Box(*map(int, example["box"]))
        assert box.x0 <= inner.x0 < inner.x1 <= box.x1 <= SHAPE[1]
        assert box.y0 <= inner.y0 < inner.y1 <= box.y1 <= SHAPE[0]
        assert 4 / 3 <= (box.x1 - box.x0) / max(inner.x1 - inner.x0, inner.y1 - inner.y0) <= 4
    assert tuple(example["box"]) == box
    np.testing.assert_array_equal(example["image"], box.crop(healthy.pixels(known)))
    np.testing.assert_array_equal(example["mask"], box.crop(mask(SHAPE, *known.box)))


def check_background(healthy: Healthy, case: Case, example: dict) -> None:
    """It shows what its box has in the mammogram, and no part of any lesion that is known."""
    view_id = example["id"].partition("_background_")[0]
    view_id = re.sub(r"-\d+$", "", view_id)  # its lesions' rows give several series
    of_view = [x for x in case.lesions.values() if x.view_id == view_id]
    assert {(x.patient, x.key[1]) for x in of_view} == {(example["patient_id"], example["split"])}
    assert view_id not in case.barren or {x.id for x in of_view} & case.gone
    assert not example["mask"].any()
    box = Box(*map(int, example["box"]))
    if not {x.id for x in of_view} & case.touched:
        crop = box.crop(healthy.pixels(of_view[0]))
        np.testing.assert_array_equal(example["image"], crop)
    for known in of_view:
        if known.id not in case.gone:
            assert not box.crop(mask(SHAPE, *known.box)).any(), f"background on {known.id}"


@pytest.mark.parametrize("way", [cut, prepared])
@pytest.mark.parametrize("protocol", ["paper", "clean", "shifted"])
def test_the_healthy_release(healthy, protocol, way, capfd):
    with damaged(healthy) as case:
        outcome = outcome_of(case, capfd, protocol, way)
        kept = check(healthy, case, outcome, protocol)
        assert len(kept) == 24
        assert outcome.dropped == []
        assert {LABELS[example["label"]] for example in outcome.examples} == set(LABELS)


@pytest.mark.parametrize("entry", DAMAGES, ids=lambda entry: entry.name)
def test_each_damage_alone(healthy, entry, capfd):
    check_alone(healthy, entry, capfd, cut)


BY_NAME = {entry.name: entry for entry in DAMAGES}
#: Names and reasons that TFDS must carry through its files, and errors that it must let pass.
THROUGH_TFDS = (
    "name in Latin-1", "name of two lines", "label 'ſſſſſſſſſſſſſſſſſſſſ'", "image of a terabyte",
    "archive with members that climb out", "csv cut off", "csv encrypted",
    "archive cut off", "types swapped",
)  # fmt: skip


@pytest.mark.parametrize("name", THROUGH_TFDS)
def test_a_damage_through_tfds(healthy, name, capfd):
    check_alone(healthy, BY_NAME[name], capfd, prepared)


def check_alone(healthy: Healthy, entry: Damage, capfd, way) -> None:
    with damaged(healthy) as case:
        (ids,) = apply(case, [(entry, 3, 0.5)])
        outcome = outcome_of(case, capfd, way=way)
        kept = check(healthy, case, outcome, "paper")
    if entry.outcome == "refused":
        assert re.search(entry.words, outcome.error)
    elif entry.outcome != "unsure":
        assert outcome.error == ""
        targets = {x.id for x in case.lesions.values() if x.pathology != WITHOUT_CALLBACK}
        lost = ids & targets if entry.outcome == "dropped" else ids & case.gone
        assert kept == targets - lost
        told = [x for x in outcome.dropped if "_background_" not in x["id"]]
        if entry.outcome == "dropped":
            assert told
            assert all(re.search(entry.words, each["reason"]) for each in told), told
        else:
            assert len(told) <= 1


chosen = st.tuples(
    st.sampled_from(DAMAGES), st.integers(0, 10**6), st.floats(0, 1, allow_subnormal=False)
)


def test_damages_together(healthy, capfd, request):
    @settings(
        max_examples=300 if request.config.getoption("--full") else 100, derandomize=True,
        deadline=None, database=None, phases=[Phase.generate],
    )  # fmt: skip
    @given(
        st.lists(chosen, min_size=1, max_size=3, unique_by=lambda each: each[0].name),
        st.sampled_from(["paper", "paper", "clean", "shifted"]),
    )
    def up_to_three(chosen, protocol):
        with damaged(healthy) as case:
            apply(case, chosen)
            check(healthy, case, outcome_of(case, capfd, protocol), protocol)

    up_to_three()


def test_the_command_says_it_in_one_line(healthy, refused_here):
    name = "without the fourth column"
    with damaged(healthy) as case:
        apply(case, [(BY_NAME[name], 0, 0.5)])
        out = case.folder.parent / "out"
        line = refused_here("prepare", "--data", case.data, "--data-dir", out)
    assert line.startswith("jaxcbis: ")
    assert re.search(BY_NAME[name].words, line)


def test_the_command_names_what_it_drops(healthy, tmp_path, capfd):
    shutil.copytree(healthy.folder, tmp_path / "release")
    (tmp_path / "release" / next(iter(healthy.lesions.values())).mask).write_bytes(b"")
    words = ["prepare", "--data", str(tmp_path / "release"), "--data-dir", str(tmp_path / "out")]
    assert main([*words, "--background-size", str(SIZE)]) == 0
    said = capfd.readouterr()
    assert "1 dropped: " in said.out + said.err
