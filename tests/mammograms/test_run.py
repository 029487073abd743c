"""A whole-image classifier made of a patch run, from the command to the files that it leaves."""

import json
import re
import shutil
import socket
import subprocess
from functools import partial

import numpy as np
import pytest
from sklearn.metrics import roc_auc_score

import jaxcbis
from jaxcbis.commands.main import main
from jaxcbis.data import loading, mammograms
from jaxcbis.mammograms import config as options
from jaxcbis.mammograms import inputs, record, scale
from jaxcbis.mammograms.figures import predictions
from jaxcbis.records import results
from jaxcbis.runs import finished, train
from tests import processes, tiny_run
from tests.mammograms import again

SIZE = ("--height", 96, "--width", 64)
DEMO_NAME = loading.release_name(None)
SEEN = re.compile(r"may have learned from patches of (\d+) of the \d+ validation patients")
SMALL = (*SIZE, "--epochs", 2, "--batch-size", 8, "--top-blocks", 1, "--sweep", "--quiet")


@pytest.fixture(scope="module")
def patch(tmp_path_factory):
    """A finished run of patches, of random weights."""
    return tiny_run.write(tmp_path_factory.mktemp("patches") / "run", lesion_side=60.0)


def asked(demo_dir, patch, output, *more):
    words = ("mammogram", "--data-dir", demo_dir, "--run", patch, "--output", output)
    return [*map(str, (*words, *SMALL, *more))]


def test_how_large_lesions_are_is_said_and_doubted(demo_dir, tmp_path):
    found = mammograms.load(None, str(demo_dir), 96, 64)
    train = found.splits["train"]
    of_views = scale.of_views(found)
    assert of_views == np.median(96 / (train.boxes[:, 3] - train.boxes[:, 1]))

    def patch(side):
        name = str(side)
        return finished.load(tiny_run.write(tmp_path / name, lesion_side=side))

    alike = patch(tiny_run.SIZE / of_views)
    assert scale.of_patches(alike) == pytest.approx(of_views)
    assert scale.told(alike, found) == (
        "a lesion is 1.0 times as large in the patches as in the views (alike at --height 96)"
    )
    assert scale.mismatch(alike, found) is None
    larger = patch(tiny_run.SIZE / of_views / 5)
    assert "5.0 times as large in the patches as in the views" in scale.mismatch(larger, found)
    assert scale.mismatch(patch(tiny_run.SIZE / of_views * 5), found)
    assert scale.told(patch(None), found) is None


@pytest.fixture(scope="module")
def done(demo_dir, patch, tmp_path_factory):
    """A finished run, and its folder."""
    folder = tmp_path_factory.mktemp("mammograms") / "run"
    assert main(asked(demo_dir, patch, folder, "--test-time-flips")) == 0
    return folder, json.loads((folder / "results.json").read_text())


def test_results_have_every_key_and_figures(done):
    _, found = done
    assert tuple(found) == results.MAMMOGRAM_KEYS
    assert (found["status"], found["kind"]) == ("finished", "mammogram")
    for level in ("view", "breast", "patient"):
        assert 0 <= found["test"][level]["auc"] <= 1
    assert found["test_flips"]["view"]["n"] == found["test"]["view"]["n"]
    others = found["baselines"]
    assert others["imagenet_start"] is None
    assert {"sweep_maximum", "breast_area", "mean_intensity", "chance"} < set(others)
    assert others["sweep_maximum"]["difference"] == pytest.approx(
        found["test"]["view"]["auc"] - others["sweep_maximum"]["auc"]
    )
    assert found["localization"]["sweep"]["froc"]["lesions"] > 0
    assert found["history"][0]["phase"] == "top"
    assert found["history"][-1]["phase"] == "all"
    assert found["memory"]["step_mb"] > found["memory"]["top_step_mb"] > 0
    assert any("DEMO" in note.upper() for note in found["notes"])
    assert any(SEEN.search(note) for note in found["notes"])
    assert any("began with random weights" in note for note in found["notes"])
    assert found["timing"]["sweep_s"] > 0


def test_figures_follow_from_the_predictions(done):
    folder, found = done
    figures = again.from_predictions(folder)
    assert figures["test"] == found["test"]
    assert figures["test_flips"] == found["test_flips"]


def test_the_folder_can_be_asked(done):
    folder, found = done
    run = jaxcbis.load(folder)
    kept = predictions.read(folder / predictions.FILE)
    assert len(kept.ids) == found["test"]["view"]["n"]
    assert not (folder / "checkpoints" / "training").exists()
    assert "AUC" in repr(run)
    assert (folder / "report.html").stat().st_size > 10_000


class Killed(BaseException):
    """In the place of a kill."""


def test_a_killed_run_goes_on_to_the_same_bits(done, demo_dir, patch, tmp_path, monkeypatch):
    folder, found = done
    words = asked(demo_dir, patch, tmp_path / "run", "--test-time-flips")
    told = []

    def killed(row):
        told.append(row)
        if len(told) == 5:  # within the second phase
            raise Killed

    fitted = train.fitted
    with monkeypatch.context() as patched:
        patched.setattr(train, "fitted", partial(fitted, on_epoch=killed))
        with pytest.raises(Killed):
            main(words)
    # The sweep of the first run serves: it takes most of the time.
    shutil.copy(folder / "sweep.json", tmp_path / "run")
    assert main([*words, "--resume"]) == 0
    again = json.loads((tmp_path / "run" / "results.json").read_text())
    for key in ("test", "test_flips", "baselines", "localization", "best"):
        assert again[key] == found[key], key
    one, other = (place / predictions.FILE for place in (folder, tmp_path / "run"))
    assert one.read_bytes() == other.read_bytes()


def test_members_of_two_backbones_are_averaged_and_compared(demo_dir, patch, tmp_path):
    other = tiny_run.write(tmp_path / "vgg", backbone="tiny_vgg")
    more = ("--run", other, "--no-sweep", "--epochs", 1, "--no-augmentation")
    assert main(asked(demo_dir, patch, tmp_path / "run", *more)) == 0
    found = json.loads((tmp_path / "run/results.json").read_text())
    one, other = (member["test"]["view"]["auc"] for member in found["members"])
    assert one != other, "each member has a seed of its own"
    assert found["baselines"]["sweep_maximum"] is None
    assert any("--no-sweep" in note for note in found["notes"])
    assert found["prefix"][0]["stages"][0] == "input"
    run = jaxcbis.load(tmp_path / "run")
    assert [model.architecture.name for model in run.models] == ["tiny", "tiny_vgg"]
    assert found["timing"]["sweep_s"] is None
    kept = predictions.read(tmp_path / "run" / predictions.FILE)
    np.testing.assert_allclose(
        run.evaluate()["view"]["auc"], roc_auc_score(kept.labels, kept.probabilities)
    )


def test_the_screen_says_at_the_start_what_limits_the_figures(demo_dir, tmp_path, capsys):
    patch = tiny_run.write(tmp_path / "patch", lesion_side=48.0)
    words = [word for word in asked(demo_dir, patch, tmp_path / "run") if word != "--quiet"]
    words[words.index("--sweep")] = "--no-sweep"
    with pytest.MonkeyPatch.context() as patched:
        patched.setattr(train, "fitted", fail)
        with pytest.raises(Reached):
            main(words)
    said = " ".join(capsys.readouterr().out.split())
    assert SEEN.search(said)
    assert re.search(r"Scale a lesion is \d\.\d times as large in the patches", said)
    assert "Sweep left out; --sweep has it" in said


class Reached(BaseException):
    """In the place of training."""


def fail(*_, **__):
    raise Reached


def test_who_validated_in_the_patch_runs_validates_again(demo_dir, tmp_path):
    drawn = mammograms.load(None, str(demo_dir), 96, 64).splits
    patients = sorted(set(drawn["train"].patients) | set(drawn["validation"].patients))
    runs = [tiny_run.write(tmp_path / name) for name in ("one", "other")]

    def begun(*held_out, name=DEMO_NAME):
        """What a run begins with whose patch runs say that these patients validated."""
        for folder, chosen in zip(runs, held_out, strict=True):
            file = folder / "results.json"
            told = json.loads(file.read_text())
            told["data"] |= {"held_out_patients": chosen, "name": name}
            file.write_text(json.dumps(told))
        config = options.resolve({
            "run": runs, "height": 96, "width": 64, "no_sweep": True, "data_dir": str(demo_dir),
            "output": str(tmp_path / "run"),
        })  # fmt: skip
        members = inputs.load_members(config)
        found = inputs.load_data(config, members)
        noted = record.begin(config, found, members, 1, None)["notes"]
        return set(found.splits["validation"].patients), any(map(SEEN.search, noted))

    some = patients[::4]
    assert begun(some, some) == (set(some), False)
    usual = set(drawn["validation"].patients)
    assert begun(some, patients[1::4]) == (usual, True), "they do not agree"
    assert begun(None, None) == (usual, True)
    assert begun(some, some, name="CBIS-DDSM") == (usual, True), "patients of other data"


@pytest.mark.parametrize(
    ("more", "said"),
    [
        (("--from", "imagenet"), "random weights"),
        (("--imagenet-run", "nowhere"), "nowhere"),
        (("--run", "nowhere"), "--run nowhere: no such folder; give that of a finished patch run"),
        (("--data", "nowhere"), "nowhere"),
    ],
)
def test_what_cannot_be_gets_one_line(more, said, demo_dir, patch, tmp_path, refused_here):
    assert said in refused_here(*asked(demo_dir, patch, tmp_path / "run", *more))
    assert not (tmp_path / "run").exists()


def test_a_run_of_mammograms_is_no_patch_run(done, demo_dir, tmp_path, refused_here):
    line = refused_here(*asked(demo_dir, done[0], tmp_path / "run"))
    assert "mammogram" in line


def test_the_start_from_imagenet_has_to_be_one(done, demo_dir, patch, tmp_path, refused_here):
    given = asked(demo_dir, patch, tmp_path / "run", "--imagenet-run", done[0])
    assert "--from imagenet" in refused_here(*given)


@pytest.mark.full
def test_two_hosts_find_what_one_finds(done, demo_dir, patch, tmp_path):
    _, found = done
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    words = asked(demo_dir, patch, tmp_path / "run", "--test-time-flips", "--device", "cpu")
    met = ("--coordinator", f"127.0.0.1:{port}", "--num-processes", 2, "--process-id")
    begun = [processes.begin(*words, *met, number, stderr=subprocess.PIPE) for number in range(2)]
    said = [process.communicate() for process in begun]
    assert [process.returncode for process in begun] == [0, 0], said
    again = json.loads((tmp_path / "run" / "results.json").read_text())
    assert again["environment"]["hosts"] == 2
    losses, of_one = ([row["val_loss"] for row in each["history"]] for each in (again, found))
    np.testing.assert_allclose(losses, of_one, rtol=1e-3)
    for level in found["test"]:
        assert again["test"][level]["auc"] == pytest.approx(found["test"][level]["auc"], abs=0.02)
    sweep, of_one = (each["baselines"]["sweep_maximum"]["auc"] for each in (again, found))
    assert sweep == pytest.approx(of_one, abs=1e-6)
