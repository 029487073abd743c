"""One run from the outside: what it leaves, what it refuses, and how it goes on."""

import contextlib
import csv
import io
import json
import re
import signal

import numpy as np
import pytest
from sklearn.metrics import accuracy_score, confusion_matrix

import tests.tiny  # noqa: F401 - registers its backbones
from jaxcbis.commands.main import main
from jaxcbis.config import resolve
from jaxcbis.data import exported, normalization
from jaxcbis.errors import UserError
from jaxcbis.evaluation import activation_maps
from jaxcbis.labels import LABELS
from jaxcbis.models import backbones
from jaxcbis.records import folders
from jaxcbis.report.figures import examples, of_run
from jaxcbis.report.page import document, gallery
from jaxcbis.runs import claim, holding
from jaxcbis.runs import run as one_run
from jaxcbis.training import checkpoints
from tests import processes, stripes

WORDS = (
    "--strategy", "s1", "--weights", "random", "--image-size", stripes.SIZE, "--epochs", 2,
    "--batch-size", 20,
)  # fmt: skip
TINY = ("--backbone", "tiny", *WORDS)


def train(*words) -> int:
    return main(["train", *map(str, words)])


def results(output):
    return json.loads((output / "results.json").read_text())


def rows(output):
    with (output / "predictions.csv").open(newline="") as file:
        return list(csv.DictReader(file))


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    return tmp_path_factory.mktemp("runs")


@pytest.fixture(scope="module")
def data(folder):
    return stripes.write(folder / "patches.npz")


@pytest.fixture(scope="module")
def done(folder, data):
    """A finished run, and what it printed."""
    output = folder / "finished"
    with contextlib.redirect_stdout(io.StringIO()) as said:
        assert train("--data", data, *TINY, "--output", output) == 0
    return output, said.getvalue()


def test_results_have_the_promised_keys(done):
    found = results(done[0])
    assert {
        "schema", "status", "config", "environment", "data", "weights", "model", "history", "best",
        "prefix", "test", "test_without_label_normalization", "test_official", "covering",
        "localization", "timing", "notes",
    } == found.keys()  # fmt: skip
    assert (found["schema"], found["status"]) == (1, "finished")
    assert found["data"]["source"] == "stripes"
    assert found["data"]["splits"]["test"]["per_class"] == dict.fromkeys(LABELS, 4)
    assert (found["config"]["image_size"], found["config"]["epochs"]) == (stripes.SIZE, 2)
    assert found["model"]["lesion_side"] == stripes.SIZE
    assert set(found["timing"]) == {
        "prepare_s", "compile_s", "train_s", "evaluate_s", "cam_s", "train_images_per_s",
        "cam_images_per_s", "peak_memory_mb",
    }  # fmt: skip
    assert [row["phase"] for row in found["prefix"]] == ["head", "layer2"]
    epochs = [(row["phase"], row["epoch"]) for row in found["history"]]
    assert epochs == [("head", 0), ("head", 1), ("head", 2)] + [("layer2", n) for n in range(3)]


def test_everything_promised_is_in_the_folder(done):
    output, said = done
    left = {path.name for path in output.iterdir() if not path.name.startswith(".")}
    assert left == {
        "results.json", "predictions.csv", "history.csv", "report.html", "gallery.json", "figures",
        "cams", "tensorboard", "checkpoints",
    }  # fmt: skip
    assert (output / "report.html").read_text().rstrip().endswith("</html>")
    assert (output / "figures" / "confusion.png").read_bytes().startswith(b"\x89PNG")
    assert [path.name for path in (output / "checkpoints").iterdir()] == ["model"]
    assert f"Report   {output / 'report.html'}" in said


def test_the_gallery_has_the_maps_of_both_classes(done):
    output, _ = done
    told, patches = rows(output), gallery.read(output)["patches"]
    same = [patch["map"] == patch["true_map"] for patch in patches]
    right = [row["label"] == row["predicted"] for row in told]
    assert all(equal for equal, hit in zip(same, right, strict=True) if hit)
    assert not all(equal for equal, hit in zip(same, right, strict=True) if not hit)


def test_predictions_agree_with_results(done):
    output, _ = done
    test, told = results(output)["test"], rows(output)
    truth, predicted = ([row[key] for row in told] for key in ("label", "predicted"))
    assert test["n"] == len(told) == 20
    assert test["accuracy"] == accuracy_score(truth, predicted)
    assert test["confusion"] == confusion_matrix(truth, predicted, labels=LABELS).tolist()
    for row in told:
        probabilities = [float(row[label]) for label in LABELS]
        assert sum(probabilities) == pytest.approx(1, abs=1e-5)
        assert LABELS[int(np.argmax(probabilities))] == row["predicted"]
        assert (row["iou"] == "") == (row["label"] == "BACKGROUND")
    ious = [float(r["iou"]) for r in told if r["iou"] and r["label"] == r["predicted"]]
    assert results(output)["localization"]["ll_score"] == pytest.approx(np.mean(ious), abs=1e-6)


def test_the_saved_model_is_the_one_that_was_tested(done, data):
    output, _ = done
    dataset = exported.load(data, stripes.SIZE, "paper")
    train, test = dataset.splits["train"], dataset.splits["test"]
    statistics = normalization.measure(train.images, train.labels)
    images = normalization.normalize(test.images, statistics, test.labels)
    blank = backbones.blank("tiny", {})
    model = checkpoints.load_model(output / "checkpoints", blank)
    got = activation_maps.softmax(activation_maps.logits(model, images))
    told = rows(output)
    assert [row["id"] for row in told] == list(test.ids)
    expected = [[float(row[label]) for label in LABELS] for row in told]
    np.testing.assert_allclose(got, expected, atol=1e-5)


def test_random_weights_are_said_everywhere(done):
    output, said = done
    notes = " ".join(results(output)["notes"])
    for text in (said, (output / "report.html").read_text(), notes):
        assert "RANDOM WEIGHTS" in text.upper()


def test_a_killed_run_resumes_to_the_same_bytes(done, folder, data, refused_here):
    output, (unbroken, _) = folder / "killed", done
    words = ("--data", data, *TINY, "--output", output)
    with processes.begin("train", *words) as process:
        for line in process.stdout:
            if re.match(r"layer2 +1 ", line):
                process.send_signal(signal.SIGKILL)
    assert process.returncode == -signal.SIGKILL
    assert results(output)["status"] == "interrupted"
    assert "--resume" in refused_here("train", *words)
    assert "seed was 0, is 1" in refused_here("train", *words, "--resume", "--seed", 1)
    # Which lacks lines and dashes.
    ascii = processes.WITHOUT_REPORTS | {"PYTHONIOENCODING": "ascii"}
    assert "Going on behind phase" in processes.run("train", *words, "--resume", env=ascii)
    assert (output / "predictions.csv").read_bytes() == (unbroken / "predictions.csv").read_bytes()
    ours, theirs = results(output), results(unbroken)
    for key in ("test", "localization", "best"):
        assert ours[key] == theirs[key]


@pytest.mark.parametrize("status", [None, "interrupted"])
def test_two_processes_do_not_share_an_output(done, folder, data, refused_here, status):
    taken = folder / f"taken {status}"
    taken.mkdir()
    if status:
        found = results(done[0]) | {"status": status}
        (taken / "results.json").write_text(json.dumps(found))
    with folders.lock(taken):
        line = refused_here("train", "--data", data, *TINY, "--output", taken)
    assert "another process is running there" in line


def test_a_run_that_another_process_finishes_meanwhile_is_not_overwritten(
    done, data, folder, refused_here, monkeypatch
):
    """Between the first look into the folder and its lock."""
    output = folder / "finished meanwhile"
    real = folders.lock

    def late(locked):
        if not (locked / "results.json").exists():
            (locked / "results.json").write_bytes((done[0] / "results.json").read_bytes())
        return real(locked)

    monkeypatch.setattr(folders, "lock", late)
    line = refused_here("train", "--data", data, *TINY, "--output", output)
    assert "holds a finished run" in line
    assert (output / "results.json").read_bytes() == (done[0] / "results.json").read_bytes()
    assert not (output / "checkpoints").exists()


def test_a_run_is_finished_once_its_report_is_written(data, folder, monkeypatch, capfd):
    """Killed in between it goes on where it was, and keeps what it needs for that."""
    output = folder / "killed within its report"
    words = ("--data", data, *TINY, "--epochs", 1, "--output", output)

    class Kill(BaseException):
        pass

    def killed(*_):
        raise Kill

    with monkeypatch.context() as patched:
        for figures in (of_run, examples):  # drawn when it goes on
            patched.setattr(figures, "write", lambda *_: None)
        patched.setattr(document, "write", killed)
        with pytest.raises(Kill):
            train(*words)
    assert results(output)["status"] == "interrupted"
    assert checkpoints.TRAINING in [path.name for path in (output / "checkpoints").iterdir()]
    assert train(*words, "--resume") == 0
    assert "Going on behind phase layer2, epoch 1" in capfd.readouterr().out
    assert results(output)["status"] == "finished"
    assert "finished" in (output / "report.html").read_text()


def test_what_a_kill_left_of_a_finished_run_is_done_by_resuming_it(done, folder, data, capfd):
    """Its status is written before its training's checkpoint goes; its data may be gone by then."""
    output, _ = done
    before = (output / "results.json").stat().st_mtime_ns
    (output / "report.html").unlink()
    (output / "checkpoints" / checkpoints.TRAINING).mkdir()
    gone = data.rename(folder / "gone.npz")
    code = train("--data", data, *TINY, "--output", output, "--resume")
    gone.rename(data)
    assert code == 0
    assert "nothing is left to resume" in capfd.readouterr().out
    assert (output / "report.html").read_text().rstrip().endswith("</html>")
    assert not (output / "checkpoints" / checkpoints.TRAINING).exists()
    assert (output / "results.json").stat().st_mtime_ns == before


def test_a_run_that_fails_leaves_no_folder_of_its_own(data, folder, monkeypatch):
    output = folder / "failed"

    def fails(*_):
        raise RuntimeError("of ours")

    monkeypatch.setattr(one_run.inputs, "load_data", fails)
    with pytest.raises(RuntimeError):
        train("--data", data, *TINY, "--output", output)
    assert not output.exists()  # nothing was written there


def test_a_finished_run_is_not_overwritten(done, data, refused_here):
    before = (done[0] / "results.json").read_bytes()
    line = refused_here("train", "--data", data, *TINY, "--output", done[0])
    assert "holds a finished run" in line
    assert (done[0] / "results.json").read_bytes() == before


def test_a_resumed_run_may_reach_its_inputs_by_another_path(done):
    found = results(done[0])
    moved = {key: found[key] | {"source": "elsewhere"} for key in ("data", "weights")}
    claim.require_same_inputs(done[0], found, moved)


def test_a_run_of_a_version_without_windows_goes_on(done):
    found = results(done[0])
    older = {key: value for key, value in found["data"].items() if key != "short"}
    claim.require_same_inputs(done[0], found | {"data": older}, found)
    short = found | {"data": found["data"] | {"short": [{"id": "a", "reason": "another lesion"}]}}
    with pytest.raises(UserError, match="--resume: the data are not those"):
        claim.require_same_inputs(done[0], found | {"data": older}, short)


def test_a_run_of_a_version_that_did_not_tell_who_validated_goes_on(done):
    found = results(done[0])
    older = {key: value for key, value in found["data"].items() if key != "held_out_patients"}
    claim.require_same_inputs(done[0], found | {"data": older}, found)
    others = found | {"data": found["data"] | {"held_out_patients": ["nobody"]}}
    with pytest.raises(UserError, match="--resume: the data are not those"):
        claim.require_same_inputs(done[0], found, others)


@pytest.mark.parametrize(
    ("part", "key", "value"),
    [("data", "splits", {}), ("data", "dropped", [{}]), ("weights", "sha256", "0")],
)
def test_a_resumed_run_must_have_the_same_inputs(done, part, key, value):
    found = results(done[0])
    with pytest.raises(UserError, match=f"--resume: the {part} are not those"):
        claim.require_same_inputs(done[0], found, found | {part: found[part] | {key: value}})


def test_real_data_without_weights_stop_and_name_the_ways_out(data, tmp_path, refused_here):
    words = ("--data", data, "--backbone", "resnet34", "--image-size", stripes.SIZE)
    line = refused_here("train", *words, "--output", tmp_path / "refused")
    assert "--weights FILE" in line
    assert "--weights random" in line


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (["--data", "nowhere"], "nowhere"),
        (["--data", "nowhere.npz"], "nowhere.npz"),
        (["--epochs", "0"], "at least 1"),
        (["--epochs", "many"], "--epochs"),
        (["--image-size", "16"], "from 32 to 512"),
        (["--head-lr", "nan"], "--head-lr"),
        (["--backbone", "alexnet"], "resnet50"),
        (["--surprise"], "--surprise"),
        (["--weights", "nowhere.h5"], "nowhere.h5"),
        (["--cam-stage", "layer9"], "tiny has stem, layer1, layer2"),
    ],
)
def test_bad_words_get_one_line(words, said, data, tmp_path, refused_here):
    given = ("--data", data, "--backbone", "tiny", "--image-size", stripes.SIZE)
    assert said in refused_here("train", *given, "--output", tmp_path / "run", *words)


def test_a_resumed_run_starts_with_the_threads_that_it_began_with(tmp_path, monkeypatch):
    class Started(Exception):
        pass

    def start(name, threads=None, **_):
        raise Started(threads)

    monkeypatch.setattr(holding.backend, "start", start)
    monkeypatch.setattr(one_run.claim, "claim", lambda *_: {"environment": {"threads": 3}})
    with pytest.raises(Started, match="3"):
        one_run.run(resolve({"output": str(tmp_path)}))
