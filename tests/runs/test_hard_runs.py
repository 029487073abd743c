"""Whole runs on small or odd data and on a disk that fills up, within this process.

All splits are of one size, so that little is compiled.
"""

import csv
import json
import resource
import signal
import warnings

import numpy as np
import pytest

import tests.tiny  # noqa: F401 - registers its backbones
from jaxcbis.commands.main import main
from jaxcbis.data import exported, patches
from jaxcbis.data.patches import Dataset
from jaxcbis.labels import BACKGROUND, LABELS
from jaxcbis.records import predictions
from jaxcbis.report.page import document, gallery
from jaxcbis.training import checkpoints
from jaxcbis.training import fit as loop
from tests import full_disk
from tests.report import made_run

SIZE, COUNTS = 32, {"train": 12, "validation": 5, "test": 5}


@pytest.fixture(autouse=True)
def quick(monkeypatch):
    monkeypatch.setattr(loop, "CHECKPOINT_SHARE", 1e9)  # after every epoch


def export(path, labels=None, **changes):
    """Writes patches; `labels` of a split, and `changes` of fields of all of them."""
    rng = np.random.default_rng(0)
    splits = {}
    for name, count in COUNTS.items():
        part = made_run.make_patches(rng, count, SIZE)
        ids = np.array([f"{name}-{i}" for i in range(count)])
        own = (labels or {}).get(name, np.arange(count) % 5)
        fields = {"ids": ids, "labels": np.asarray(own, np.int32)} | {
            key: change(getattr(part, key)) for key, change in changes.items()
        }
        splits[name] = patches.Patches(
            *(fields.get(field, getattr(part, field)) for field in part.__dataclass_fields__)
        )
    exported.save(path, Dataset(splits, "there", "made-up patches", []), "paper")
    return path


def words(data, output, *more):
    given = {
        "--backbone": "tiny", "--strategy": "s1", "--weights": "random", "--epochs": 2,
        "--image-size": SIZE, "--batch-size": 6, "--data": data, "--output": output,
    }  # fmt: skip
    flat = [word for pair in given.items() for word in pair]
    return ["train", *map(str, (*flat, *more))]


def results(output):
    return json.loads((output / "results.json").read_text())


@pytest.fixture(scope="module")
def plain(tmp_path_factory):
    return export(tmp_path_factory.mktemp("hard") / "plain.npz")


@pytest.mark.parametrize(
    ("labels", "changes", "more"),
    [
        ({}, {}, ()),
        ({}, {}, ("--batch-size", "1000")),
        ({"test": [2] * 5}, {}, ()),
        ({"test": [BACKGROUND] * 5}, {}, ()),
        ({name: [1] * count for name, count in COUNTS.items()}, {}, ()),
        ({"train": [1, 3] * 6, "validation": [3] * 5}, {}, ()),
        ({}, {"images": np.zeros_like, "masks": np.zeros_like}, ()),
        ({}, {"patients": lambda names: np.full_like(names, "P_1")}, ()),
    ],
    ids=[
        "one-sample-per-class", "batch-larger-than-data", "one-lesion-class", "background-alone",
        "one-class-everywhere", "classes-never-trained", "black-images-empty-masks", "one-patient",
    ],
)  # fmt: skip
def test_odd_data_give_figures_or_null(tmp_path, capfd, labels, changes, more):
    data = export(tmp_path / "p.npz", labels, **changes)
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        # Python shows a library's own deprecations to nobody.
        warnings.filterwarnings("ignore", category=DeprecationWarning, module="tensorboardX")
        assert main(words(data, tmp_path / "run", *more)) == 0, capfd.readouterr().err
    told = capfd.readouterr()
    assert told.err == ""
    assert "Warning" not in told.out
    found = results(tmp_path / "run")
    truth = np.array(labels.get("test", np.arange(5)))
    with (tmp_path / "run" / "predictions.csv").open(newline="") as file:
        predicted = np.array([LABELS.index(row["predicted"]) for row in csv.DictReader(file)])
    assert found["test"]["accuracy"] == pytest.approx((truth == predicted).mean())
    for k, label in enumerate(LABELS):
        of = found["test"]["per_class"][label]
        assert of["support"] == (truth == k).sum()
        assert (of["auc"] is None) == (of["support"] in (0, 5))
        if not of["support"]:
            assert {of[key] for key in ("precision", "recall", "f1", "auc_hard", "ci95")} == {None}
            assert any(label in note and "null" in note for note in found["notes"])
    scored = (truth == predicted) & (truth != BACKGROUND)
    assert found["localization"]["n_scored"] == scored.sum()
    assert (found["localization"]["ll_score"] is None) == (not scored.any())


def test_a_loss_that_is_not_finite_names_its_patches(plain, tmp_path, refused_here):
    output = tmp_path / "run"
    line = refused_here(*words(plain, output, "--head-lr", 1e38))
    assert "not finite" not in line
    assert "the loss is no longer finite" in line
    assert "in phase head epoch 1, step 2 of 2, on the patches train-" in line
    assert line.count("train-") == 6
    assert results(output)["status"] == "interrupted"
    assert not list((output / "checkpoints").rglob("*checkpoint-tmp*"))
    again = refused_here(*words(plain, output, "--head-lr", 1e38, "--resume"))
    assert again == line


def test_the_last_good_checkpoint_outlives_a_loss_that_is_not_finite(
    plain, tmp_path, capfd, refused_here, monkeypatch
):
    output = tmp_path / "run"
    real = loop.steps.train_steps

    def breaks(plan, state, frozen, items, order):
        state, sums = real(plan, state, frozen, items, order)
        breaks.calls += 1
        if breaks.calls == 2:
            sums = sums._replace(cross_entropy=sums.cross_entropy.at[1].set(np.nan))
        return state, sums

    breaks.calls = 0
    monkeypatch.setattr(loop.steps, "train_steps", breaks)
    line = refused_here(*words(plain, output))
    assert "in phase head epoch 2, step 2 of 2, on the patches train-" in line
    with checkpoints.open_manager(output / "checkpoints") as manager:
        assert checkpoints.read_progress(manager)["history"][-1]["epoch"] == 1
    assert main(words(plain, output, "--resume")) == 0
    assert "Going on behind phase head, epoch 1" in capfd.readouterr().out
    assert results(output)["status"] == "finished"


@pytest.fixture(scope="module")
def unbroken(plain, tmp_path_factory):
    """The predictions of a run that nothing has disturbed."""
    output = tmp_path_factory.mktemp("unbroken") / "run"
    assert main(words(plain, output)) == 0
    return (output / "predictions.csv").read_bytes()


@pytest.mark.parametrize(
    ("module", "name", "said"),
    [
        (loop.kept_activations, "described", "no room for a checkpoint"),
        (predictions, "write", "cannot write"),
        (checkpoints, "save_model", "no room for a checkpoint"),
        (gallery, "write", "cannot write"),
        (document, "write", "report.html"),
    ],
)
def test_a_disk_that_fills_up_can_be_emptied(
    plain, unbroken, tmp_path, capfd, refused_here, monkeypatch, module, name, said
):
    real = getattr(module, name)
    with full_disk.disk(tmp_path / "disk", megabytes=200) as disk:
        output = disk / "run"

        def fills(*arguments, **named):
            full_disk.fill(disk)
            return real(*arguments, **named)

        monkeypatch.setattr(module, name, fills)
        line = refused_here(*words(plain, output))
        assert said in line
        assert "No space left on device" in line
        assert results(output)["status"] == "interrupted"
        monkeypatch.setattr(module, name, real)
        (disk / ".filler").unlink()
        assert main(words(plain, output, "--resume")) == 0
        assert capfd.readouterr().err == ""
        assert results(output)["status"] == "finished"
        assert (output / "report.html").read_text().rstrip().endswith("</html>")
        assert (output / "predictions.csv").read_bytes() == unbroken
        assert not [path for path in output.rglob("*") if "partial" in path.name]
        assert not [path for path in output.rglob("*") if "tmp" in path.name]


def test_a_limit_on_the_size_of_files(plain, tmp_path, refused_here):
    """As a quota, and where free space is no measure: no file above 15 kB may be written."""
    before = resource.getrlimit(resource.RLIMIT_FSIZE)
    signals = signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
    resource.setrlimit(resource.RLIMIT_FSIZE, (15_000, before[1]))
    try:
        line = refused_here(*words(plain, tmp_path / "run"))
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, before)
        signal.signal(signal.SIGXFSZ, signals)
    assert "checkpoint" in line
    assert "File too large" in line
