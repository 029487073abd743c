"""The recipe on both sides, from the command line and by its parts, on drawn patches."""

import json

import numpy as np
import pytest

from benchmarks.__main__ import main
from benchmarks.quality import command as quality
from jaxcbis.data import exported
from jaxcbis.data.patches import Dataset, Patches
from tests import tiny, tiny_run
from tests.differences import assert_within

SIZE = tiny.SIZE
#: At higher rates Adam makes whole steps of rounding errors.
SLOW = ("--head-lr", 1e-3, "--backbone-lr", 3e-6)
FAST = ("--head-lr", 1e-2, "--backbone-lr", 1e-3)


def drawn(count, seed):
    """Noise on waves whose length tells of the class; the mask is a quarter of the patch."""
    rng = np.random.default_rng(seed)
    labels = np.arange(count, dtype=np.int32) % 5
    waves = np.sin(np.arange(SIZE) * (1 + labels[:, None]) / 4)
    images = rng.integers(0, 56, (count, SIZE, SIZE)) + 100 * (1 + waves[:, None])
    masks = np.zeros((count, SIZE, SIZE), bool)
    masks[labels > 0, : SIZE // 2, : SIZE // 2] = True
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
                 "--output", folder, "--batch-size", 4, *words)  # fmt: skip
    with tiny_run.no_reports():
        assert main(["quality", *map(str, arguments)]) == 0
    return json.loads((folder / "quality.json").read_text())


S1 = ("--strategy", "s1", "--epochs", 3, "--patience", 1, "--min-delta", 0.5)
S2 = ("--strategy", "s2", "--epochs", 2, "--batch-norm", "train")


@pytest.fixture(
    scope="module",
    params=[
        pytest.param(("tiny_vgg", *S1, *FAST), id="s1, stopped early"),
        pytest.param(("tiny", *S2, *FAST), id="s2, batch statistics"),
        pytest.param(("vgg16", *S1, *SLOW), id="vgg16", marks=pytest.mark.full),
        # Of 32 pixels its last stage leaves one: fewer of them than 9 make no statistics.
        pytest.param(
            ("resnet34", *S2, *SLOW, "--batch-size", 9, "--epochs", 6),
            id="resnet34",
            marks=pytest.mark.full,
        ),
    ],
)
def compared(request, data, peer, tmp_path_factory):
    folder = tmp_path_factory.mktemp("quality") / "here"
    return compare(data, folder, "--backbone", *request.param), folder


def test_losses_stay_together(compared):
    result, _ = compared
    histories = [result[side]["history"] for side in ("ours", "peer")]
    names = [[(row["phase"], row["epoch"]) for row in history] for history in histories]
    assert names[0] == names[1]
    for key in ("train_loss", "val_loss"):
        ours, peer = (np.array([r[key] for r in h if r[key] is not None]) for h in histories)
        assert_within(1e-3, ours, peer, "losses of training, relative | PyTorch", scale=peer)
        assert np.ptp(peer) > 0.01, "nothing learnt, nothing compared"
    if result["config"]["strategy"] == "s1":
        phases = {phase for phase, _ in names[1]}
        assert [epoch for _, epoch in names[1]] == [0, 1] * len(phases), "each ends after one epoch"


def test_results_are_those_of_both_sides(compared, peer):
    result, folder = compared
    ours = json.loads((folder / "ours" / "results.json").read_text())
    assert result["ours"]["test"] == ours["test"]
    assert (result["kind"], result["schema"]) == ("quality", 1)
    assert result["peer"]["name"].startswith(f"PyTorch {peer.rows.torch.__version__}, cpu")
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


@pytest.mark.parametrize(
    ("words", "says"),
    [
        (["--epochs", "0"], "--epochs 0: expected a number of at least 1"),
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
    assert 'torch, torchvision, grad-cam not installed; pip install -e ".[benchmark]"' in error
    assert error.count("\n") == 1
