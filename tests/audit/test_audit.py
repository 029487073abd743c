"""The command `audit`, on demo data and small models."""

import contextlib
import hashlib
import json
import shutil
from pathlib import Path
from types import SimpleNamespace

import jax
import numpy as np
import pytest

from jaxcbis.audit import maps, randomization
from jaxcbis.audit import run as audit
from jaxcbis.commands.main import main
from jaxcbis.evaluation import activation_maps
from jaxcbis.records import folders
from tests import tiny_run

NAMES = ("paper", "clean")


def results(path):
    return json.loads(path.read_text())


@pytest.fixture(scope="module")
def runs(tmp_path_factory, demo_dir):
    """A folder with a paper run and a clean run of one model."""
    folder = tmp_path_factory.mktemp("audit")
    for seed, protocol in enumerate(NAMES):
        words = (
            "train", "--data-dir", demo_dir, "--protocol", protocol, "--weights", "random",
            "--backbone", "tiny", "--strategy", "s2", "--image-size", 32, "--seed", seed,
            "--output", folder / protocol, "--quiet",
        )  # fmt: skip
        with tiny_run.no_training(), tiny_run.no_reports():
            assert main([*map(str, words)]) == 0
    return folder


@pytest.fixture(scope="module")
def audited(runs, demo_dir):
    """The audit of both."""
    words = (
        "audit", "--data-dir", demo_dir, "--run", runs / "paper", runs / "clean",
        "--output", runs / "audit",
    )  # fmt: skip
    assert main([*map(str, words)]) == 0
    return results(runs / "audit" / "audit.json")


def test_an_audit_accounts_for_every_cause(runs, audited):
    rows = {row["cause"]: row for row in audited["rows"]}
    assert list(rows) == [
        "paper", "label normalisation", "patient overlap", "background mismatch",
        "correct-only LL", "trained clean",
    ]  # fmt: skip
    assert len({row["accuracy"] for row in rows.values()}) == 4  # a mix-up would show
    paper, clean = (results(runs / name / "results.json") for name in NAMES)
    assert rows["paper"]["accuracy"] == pytest.approx(paper["test"]["accuracy"])
    assert rows["paper"]["accuracy_ci95"] == pytest.approx(paper["test"]["accuracy_ci95"], abs=0.03)
    assert rows["paper"]["ll_score"] == pytest.approx(paper["localization"]["ll_score"])
    blind = paper["test_without_label_normalization"]
    assert rows["label normalisation"]["accuracy"] == pytest.approx(blind["accuracy"])
    leak = paper["data"]["leakage"]["test_items_affected"]
    assert rows["patient overlap"]["n"] == paper["test"]["n"] - leak
    assert rows["correct-only LL"]["accuracy"] == rows["background mismatch"]["accuracy"]
    assert rows["trained clean"]["accuracy"] == pytest.approx(clean["test"]["accuracy"])
    everything = clean["localization"]["samples"]["all"]["lesions"]["iou"]
    assert rows["trained clean"]["ll_score"] == pytest.approx(everything)


def test_it_tells_what_sees_no_lesion_and_how_far_to_trust_the_maps(runs, audited):
    assert {(row["name"], row["protocol"]) for row in audited["baselines"]} == {
        (name, protocol) for name in ("intensity", "size", "both") for protocol in NAMES
    }
    assert [row["protocol"] for row in audited["faithfulness"]] == list(NAMES)
    for row in audited["faithfulness"]:
        tested = results(runs / row["protocol"] / "results.json")["test"]["n"]
        assert row["n"] == min(tested, maps.SAMPLE)
        for kind in ("deletion", "insertion"):
            means = {name: of["mean"] for name, of in row[kind].items()}
            assert means["maps_less_random"] == pytest.approx(means["maps"] - means["random"])
    assert [row["protocol"] for row in audited["randomization"]] == list(NAMES)
    for row in audited["randomization"]:
        assert [of["stage"] for of in row["stages"]] == ["head", "layer2", "layer1", "stem"]
    text = (runs / "audit" / "audit.md").read_text()
    assert "demo data" in text
    for row in audited["randomization"]:
        (said,) = (
            line for line in text.splitlines()
            if line.startswith(f"- tiny s2, {row['protocol']} protocol") and "random" in line
        )  # fmt: skip
        mean = row["stages"][-1]["mean"]
        assert ("are constant" if mean is None else f"{mean:.2f}") in said


def test_runs_that_cannot_be_audited_are_refused(runs, demo_dir, tmp_path, refused_here):
    words = ("audit", "--data-dir", demo_dir, "--output", tmp_path / "audit", "--run")
    assert "cannot read" in refused_here(*words, tmp_path / "none")

    other = tmp_path / "other"
    other.mkdir()
    found = results(runs / "paper" / "results.json")
    (other / "results.json").write_text(json.dumps(found | {"status": "interrupted"}))
    assert "not finished" in refused_here(*words, other)

    (tmp_path / "patches.npz").touch()
    assert "one protocol's patches" in refused_here(
        "audit", "--data", tmp_path / "patches.npz", "--output", tmp_path / "audit", "--run",
        runs / "paper",
    )  # fmt: skip
    assert not (tmp_path / "audit").exists()


@pytest.mark.skipif(jax.default_backend() != "cpu", reason="there is a GPU here")
def test_a_run_of_a_gpu_is_audited_where_there_is_none(runs, tmp_path):
    """`audit` has no --device to choose another one by."""
    shutil.copytree(runs / "paper", tmp_path / "there")
    found = results(runs / "paper" / "results.json")
    found["config"]["device"] = found["environment"]["backend"] = "gpu"
    (tmp_path / "there" / "results.json").write_text(json.dumps(found))
    both = audit._load([runs / "clean", tmp_path / "there"])
    assert audit._elsewhere(both[:1]) == []
    (note,) = audit._elsewhere(both)
    assert note.startswith("audited on the cpu, but there was not")
    gone_on = {"notes": ["of the beginning"]}  # on another device than it was begun on
    for _ in range(2):
        audit._tell_elsewhere(both, gone_on)
    assert gone_on["notes"] == ["of the beginning", note]
    (alone,) = audit._load([tmp_path / "there"])  # the first one's device is looked for
    assert alone.config.device == "gpu"


def test_a_run_has_its_folders_name_from_within_it(runs, monkeypatch):
    monkeypatch.chdir(runs / "paper")
    assert [run.folder.name for run in audit._load([Path(), Path("../clean")])] == [*NAMES]


def test_an_audit_of_other_runs_is_kept(runs, demo_dir, tmp_path, refused_here):
    words = ("audit", "--data-dir", demo_dir, "--run", runs / "paper", "--output", tmp_path)
    before = json.dumps({"schema": 1, "runs": ["another"]})
    (tmp_path / "audit.json").write_text(before)
    assert "audit of other runs" in refused_here(*words)
    assert (tmp_path / "audit.json").read_text() == before
    with folders.lock(tmp_path):  # what another process is about to write says nothing
        assert "another process" in refused_here(*words)


@pytest.fixture(scope="module")
def shifted(tmp_path_factory, demo_dir, runs):
    """A folder with shifted runs of one model, plain and with the term, and a clean one."""
    folder = tmp_path_factory.mktemp("shifted")
    for name, weight in (("plain", 0), ("term", 0.3)):
        words = (
            "train", "--data-dir", demo_dir, "--protocol", "shifted", "--windows", 1,
            "--weights", "random", "--backbone", "tiny", "--strategy", "s2", "--image-size", 32,
            "--epochs", 1, "--look-weight", weight, "--output", folder / name, "--quiet",
        )  # fmt: skip
        training = contextlib.nullcontext() if name == "term" else tiny_run.no_training()
        with training, tiny_run.no_reports():
            assert main([*map(str, words)]) == 0
    return folder


def look(*names, data_dir, output):
    words = ("audit", "--data-dir", data_dir, "--output", output, "--run", *names)
    return main([*map(str, words)])


@contextlib.contextmanager
def asked():
    """What every model is asked in the meantime, as hashes of the model and its patches."""
    seen = []

    def kept(ask):
        def asked(model, images, *rest, labels=None, **options):
            leaves = jax.tree.leaves((model.params, model.stats))
            told = b"".join(np.asarray(leaf).tobytes() for leaf in (*leaves, images))
            seen.append(hashlib.sha256(told).hexdigest())
            return ask(model, images, *rest, **({} if labels is None else {"labels": labels}),
                       **options)  # fmt: skip

        return asked

    with pytest.MonkeyPatch.context() as patch:
        for name in ("maps", "logits"):
            patch.setattr(activation_maps, name, kept(getattr(activation_maps, name)))
        # The last of a cascade is the same random model for every run.
        patch.setattr(
            randomization, "cascade",
            lambda model, images, known, **_: {"stem": np.full(len(images), np.nan)},
        )  # fmt: skip
        yield seen


@pytest.fixture(scope="module")
def looked(shifted, runs, demo_dir):
    """The audit of all three, ended in the second and given again; whose maps are done when."""
    folders = [runs / "clean", shifted / "plain", shifted / "term"]
    whole, done, questions = maps.randomized, [], []

    def noted(run, *rest):
        if done == ["clean"]:
            done.append("ended")
            raise KeyboardInterrupt
        done.append(run.folder.name)
        return whole(run, *rest)

    for code in (130, 0, 0):
        with asked() as seen, pytest.MonkeyPatch.context() as patch:
            patch.setattr(maps, "randomized", noted)
            assert look(*folders, data_dir=demo_dir, output=shifted / "audit") == code
        questions.append(seen)
    return shifted / "audit", done, questions


def test_an_audit_that_was_ended_goes_on(looked):
    output, done, (first, second, third) = looked
    assert done == ["clean", "ended", "plain", "term"]
    found = results(output / "audit.json")
    for part in ("faithfulness", "randomization", "localization"):
        assert [row["run"] for row in found[part]] == ["clean", "plain", "term"]
    assert len(second) < len(first)  # whether they look at the lesion is not asked again
    assert third == []


def test_an_audit_of_runs_that_were_made_again_begins_anew(looked, shifted):
    before = results(looked[0] / "audit.json")
    made_again = [SimpleNamespace(folder=shifted / name) for name in ("plain", "term")]
    (shifted / "copy").mkdir()
    before |= {"runs": ["plain", "term"], "fingerprints": ["of", "others"]}
    (shifted / "copy" / "audit.json").write_text(json.dumps(before))
    assert audit._before(shifted / "copy", made_again) is None


def test_shifted_runs_are_compared_and_no_model_is_asked_twice(looked, shifted):
    output, _, questions = looked
    for seen in questions:
        assert len(seen) == len(set(seen))
    found = results(output / "audit.json")
    assert found["rows"] == []
    assert {row["protocol"] for row in found["baselines"]} == {"clean", "shifted"}
    looking = found["looking"]
    assert [(row["run"], row["protocol"]) for row in looking["runs"]] == [
        ("clean", "clean"), ("plain", "shifted"), ("term", "shifted"),
    ]  # fmt: skip
    plain = results(shifted / "plain" / "results.json")
    figures = {name: of["value"] for name, of in looking["runs"][1]["figures"].items()}
    for name in ("accuracy", "lesion_auc", "malignancy_auc"):
        assert figures[name] == pytest.approx(plain["test"][name]), name
    located = plain["localization"]
    for name in (
        "ll_score", "ll_score_from_validation", "pointing_game", "energy_in_mask", "pixel_ap",
    ):  # fmt: skip
        assert figures[name] == (located[name] and pytest.approx(located[name], abs=1e-6)), name
    everything = located["samples"]["all"]["lesions"]["iou"]
    assert figures["ll_score_all"] == pytest.approx(everything)
    for name in ("intact", "covered", "elsewhere"):
        key = f"lesion_auc_{name}"
        assert figures[key] == pytest.approx(plain["covering"][key]), name
    for name, of in looking["runs"][1]["blind"].items():
        assert of["ll_score"]["value"] == pytest.approx(located["baselines"][name], abs=1e-6)
        beside = located["against_baselines"][name]
        assert of["ll_score"]["ci95"] == pytest.approx(beside["ci95"], abs=1e-6)
    (row,) = looking["differences"]
    assert (row["option"], row["look_weight"], row["against"]) == ("look_weight", 0.3, 0)
    assert row["seeds"] == [0]
    term = results(shifted / "term" / "results.json")
    for name in ("accuracy", "lesion_auc", "malignancy_auc"):
        difference = term["test"][name] - plain["test"][name]
        assert row["figures"][name]["difference"] == pytest.approx(difference), name
    assert row["figures"]["lesion_auc"]["difference"]
    assert (output / looking["picture"]["file"]).stat().st_size > 10_000
    assert "## Shifted test set: where the maps point" in (output / "audit.md").read_text()


def test_runs_of_other_windows_and_files_of_one_protocol_are_refused(
    shifted, runs, demo_dir, tmp_path, refused_here
):
    other = shifted / "more-windows"
    shutil.copytree(shifted / "plain", other)
    found = results(other / "results.json")
    found["config"]["windows"] = 2
    (other / "results.json").write_text(json.dumps(found))
    words = ("audit", "--data-dir", demo_dir, "--output", tmp_path / "audit", "--run")
    line = refused_here(*words, shifted / "plain", other)
    assert "windows differ ([1, 2])" in line
    line = refused_here(*words, shifted / "term", shifted / "plain", shifted / "term")
    assert "have the same options and seed" in line
    (tmp_path / "patches.npz").touch()
    given = ("--data", tmp_path / "patches.npz")
    line = refused_here(*words, shifted / "plain", runs / "clean", *given)
    assert "need clean and shifted" in line
