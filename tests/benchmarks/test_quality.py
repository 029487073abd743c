"""The recipe on both sides, from the command line and by its parts, on drawn patches."""

import copy
import json

import numpy as np
import pytest
import torch
from sklearn.metrics import accuracy_score

from benchmarks.__main__ import main
from benchmarks.peer import models as torch_models
from benchmarks.peer import training as torch_training
from benchmarks.quality import command as quality
from benchmarks.quality import report as quality_report
from jaxcbis import config as options
from jaxcbis.data import exported
from jaxcbis.data.patches import Dataset, Patches
from jaxcbis.designs import BACKBONES
from jaxcbis.machine.console import console
from tests import torch_reference
from tests.differences import assert_within

SIZE = 64
#: At higher rates Adam makes whole steps of rounding errors.
SLOW = ("--head-lr", "1e-3", "--backbone-lr", "3e-6", "--batch-size", "4")


def drawn(count, seed):
    """Noise on waves whose length tells of the class; the mask is a quarter of the patch."""
    rng = np.random.default_rng(seed)
    labels = np.arange(count, dtype=np.int32) % 5
    waves = np.sin(np.arange(SIZE) * (1 + labels[:, None]) / 4)
    images = rng.integers(0, 56, (count, SIZE, SIZE)) + 100 * (1 + waves[:, None])
    masks = np.zeros((count, SIZE, SIZE), bool)
    masks[labels > 0, :32, :32] = True
    ids = np.array([f"{seed}-{i:03}" for i in range(count)])
    patients = np.array([f"{seed}-P{i // 2}" for i in range(count)])
    sizes = np.full((len(labels), 2), images.shape[1], np.int32)
    return Patches(images.astype(np.uint8), masks, labels, ids, patients, sizes)


@pytest.fixture(scope="module")
def data(tmp_path_factory):
    file = tmp_path_factory.mktemp("data") / "patches.npz"
    splits = {"train": drawn(18, 0), "validation": drawn(10, 1), "test": drawn(30, 2)}
    exported.save(file, Dataset(splits, "drawn", "drawn patches", []), "paper")
    return file


def compare(data, folder, *words):
    arguments = ("--data", data, "--weights", "random", "--image-size", SIZE, "--device", "cpu",
                 "--output", folder, *SLOW, *words)  # fmt: skip
    assert main(["quality", *map(str, arguments)]) == 0
    return json.loads((folder / "quality.json").read_text())


@pytest.fixture(
    scope="module",
    params=[
        (
            "--backbone",
            "vgg16",
            "--strategy",
            "s1",
            "--epochs",
            3,
            "--patience",
            1,
            "--min-delta",
            0.5,
        ),
        ("--backbone", "resnet34", "--strategy", "s2", "--epochs", 2, "--batch-norm", "train"),
    ],
    ids=["s1, stopped early", "s2, batch statistics"],
)
def compared(request, data, tmp_path_factory):
    folder = tmp_path_factory.mktemp("quality") / "here"
    return compare(data, folder, *request.param), folder


def test_losses_stay_together(compared):
    result, _ = compared
    histories = [result[side]["history"] for side in ("ours", "peer")]
    names = [[(row["phase"], row["epoch"]) for row in history] for history in histories]
    assert names[0] == names[1]
    for key in ("train_loss", "val_loss"):
        ours, peer = (np.array([r[key] for r in h if r[key] is not None]) for h in histories)
        assert_within(1e-3, ours, peer, "quality: losses against PyTorch's", scale=peer)
        assert np.ptp(peer) > 0.01, "nothing learnt, nothing compared"
    if result["config"]["strategy"] == "s1":
        assert [epoch for _, epoch in names[1]] == [0, 1] * 3, "each phase ends after one epoch"


def test_results_are_those_of_both_sides(compared, data):
    result, folder = compared
    ours = json.loads((folder / "ours" / "results.json").read_text())
    assert result["ours"]["test"] == ours["test"]
    assert (result["kind"], result["schema"]) == ("quality", 1)
    assert result["peer"]["name"].startswith(f"PyTorch {torch.__version__}, cpu")
    for name, row in result["figures"].items():
        assert row["difference"] == pytest.approx(row["ours"] - row["peer"], abs=1e-12)
        assert row["ci95"][0] - 1e-6 <= row["difference"] <= row["ci95"][1] + 1e-6, name
    # Training hardly differs, so neither do the answers, whoever's they are.
    assert result["agreement"] >= 0.9
    assert abs(result["figures"]["auc_mean"]["difference"]) < 0.02
    assert abs(result["figures"]["ll_score_of_library"]["difference"]) < 0.01
    ours_ll = result["figures"]["ll_score"]["ours"]
    assert ours_ll == ours["localization"]["ll_score"]
    confusion = np.array(result["peer"]["test"]["confusion"])
    assert confusion.sum() == 30
    assert result["figures"]["accuracy"]["peer"] == pytest.approx(np.trace(confusion) / 30)
    assert result["notes"][: len(ours["notes"])] == ours["notes"]
    assert "random weights, as asked for with --weights random" in result["notes"]
    assert (folder / "quality.png").read_bytes().startswith(b"\x89PNG")


def test_a_finished_comparison_is_not_overwritten(compared, data, capsys):
    _, folder = compared
    assert main(["quality", "--data", str(data), "--output", str(folder)]) == 2
    error = capsys.readouterr().err
    assert "ours: holds a finished run" in error
    assert error.count("\n") == 1


def test_frozen_half_stays_and_the_best_model_is_left():
    name = "resnet34"
    model = torch_reference.backbone(name)
    before = copy.deepcopy(model)
    config = options.resolve(
        {"backbone": name, "batch_size": 4, "epochs": 2, "batch_norm": "train", "head_lr": 1e-2,
         "backbone_lr": 1e-2}
    )  # fmt: skip
    rng = np.random.default_rng(0)
    train, validation = (
        (rng.normal(size=(n, SIZE, SIZE, 1)).astype("f4"), (np.arange(n) % 5).astype("i4"))
        for n in (10, 6)
    )
    phases = train.phases_of(config)
    history = torch_training.fit(name, model, phases, train, validation, config)
    first, last = (torch_models.stages(name, each) for each in (before, model))
    best = min(history, key=lambda row: row["val_loss"])
    for stage in first:
        pairs = zip(*(part[stage].state_dict().values() for part in (first, last)), strict=True)
        same = all(torch.equal(*pair) for pair in pairs)
        assert same == (stage in BACKBONES[name].frozen or best["epoch"] == 0), stage
    assert all(p.grad is None for p in last["layer1"].parameters())
    loss, accuracy = torch_training.evaluate(model, validation)
    assert loss == pytest.approx(best["val_loss"], rel=1e-6)
    logits = torch_training.predict(model, validation[0])
    assert accuracy == pytest.approx(accuracy_score(validation[1], logits.argmax(1)))


def test_tables_fit_80_columns_and_show_what_only_one_side_did():
    def history(epochs, loss):
        return [
            {"phase": phase, "epoch": e, "train_loss": loss if e else None, "val_loss": loss,
             "seconds": 1234.5}
            for phase, count in epochs.items()
            for e in range(count + 1)
        ]  # fmt: skip

    sides = {
        side: {"name": "PyTorch 2.13.0+cu130, gpu, eager, channels_last", "history": past,
               "seconds": {"train": 12345.6, "test": 1.0, "maps": 1.0}}
        for side, past in (
            ("ours", history({"head": 1, "layer4": 2}, 10.12345)),
            ("peer", history({"head": 3, "layer4": 1}, 1.5)),
        )
    }  # fmt: skip
    row = {"ours": 0.5, "peer": 0.25, "difference": 0.25, "ci95": [-0.125, 0.5]}
    missing = dict.fromkeys(row)
    content = sides | {
        "config": {"backbone": "resnet50", "strategy": "s1"},
        "figures": {"accuracy": row, "ll_score": missing},
        "agreement": 0.875,
    }
    shown = [(phase, epoch) for phase, epoch, _ in quality_report.epochs(content)]
    heads, layers = [("head", e) for e in range(4)], [("layer4", e) for e in range(3)]
    assert shown == heads + layers
    with console.capture() as capture:
        for table in quality_report.tables(content):
            console.print(table, width=200)
    text = capture.get()
    assert max(len(line.rstrip()) for line in text.splitlines()) <= 80
    assert "+0.250" in text
    assert "-0.125 to +0.500" in text
    assert "None" not in text
    assert "nan" not in text


@pytest.mark.parametrize(
    ("words", "says"),
    [
        (["--epochs", "0"], "--epochs 0: expected a number at least 1"),
        (["--precision", "bfloat16"], "unrecognized arguments"),
        (["--data", "no/such/release"], "no/such/release"),
    ],
)
def test_bad_usage_is_one_line_and_exit_code_2(words, says, tmp_path, capsys):
    assert main(["quality", "--output", str(tmp_path / "q"), *words]) == 2
    error = capsys.readouterr().err
    assert says in error
    assert error.count("\n") == 1


def test_without_torch_one_line_says_what_to_install(monkeypatch, capsys):
    monkeypatch.setattr(quality, "find_spec", lambda name: None)
    assert main(["quality"]) == 2
    error = capsys.readouterr().err
    assert "torch, torchvision, grad-cam not installed; pip install jaxcbis[benchmark]" in error
    assert error.count("\n") == 1
