"""The audit from the outside, on demo data and small models."""

import json

import pytest

from tests.runs.test_run import run

AUDIT = ("-m", "jaxcbis")


@pytest.fixture(scope="module")
def runs(tmp_path_factory, demo_dir):
    """A folder with a paper run and a clean run of one model."""
    folder = tmp_path_factory.mktemp("audit")
    for protocol in ("paper", "clean"):
        run(
            "--data-dir", demo_dir, "--protocol", protocol, "--weights", "random",
            "--backbone", "resnet34", "--strategy", "s2", "--image-size", 32, "--epochs", 1,
            "--batch-size", 23, "--output", folder / protocol,
        )  # fmt: skip
    return folder


def results(path):
    return json.loads(path.read_text())


def test_an_audit_accounts_for_every_cause(runs, demo_dir):
    done = run(
        "audit", "--data-dir", demo_dir, "--run", runs / "paper", runs / "clean",
        "--output", runs / "audit", program=AUDIT,
    )  # fmt: skip
    assert "DEMO DATA" in done.stdout
    found = results(runs / "audit" / "audit.json")
    rows = {row["cause"]: row for row in found["rows"]}
    assert list(rows) == [
        "paper", "label normalisation", "patient overlap", "background mismatch",
        "correct-only LL", "trained clean",
    ]  # fmt: skip
    paper, clean = (results(runs / name / "results.json") for name in ("paper", "clean"))
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

    assert {(row["name"], row["protocol"]) for row in found["baselines"]} == {
        (name, protocol)
        for name in ("intensity", "size", "both") for protocol in ("paper", "clean")
    }  # fmt: skip
    assert {row["protocol"] for row in found["faithfulness"]} == {"paper", "clean"}
    assert found["randomization"][0]["stages"][0]["stage"] == "head"
    text = (runs / "audit" / "audit.md").read_text()
    assert "randomisation test" in text or "constant" in text
    assert "demo data" in text


def test_runs_that_cannot_be_audited_are_refused(runs, demo_dir, tmp_path, refused_here):
    words = ("audit", "--data-dir", demo_dir, "--output", tmp_path / "audit", "--run")
    assert "cannot read" in refused_here(*words, tmp_path / "none")

    other = tmp_path / "other"
    other.mkdir()
    found = results(runs / "paper" / "results.json")
    found["status"] = "interrupted"
    (other / "results.json").write_text(json.dumps(found))
    assert "not finished" in refused_here(*words, other)

    used = tmp_path / "used"
    used.mkdir()
    (used / "audit.json").write_text(json.dumps({"schema": 1, "runs": ["another"]}))
    words = ("audit", "--data-dir", demo_dir, "--run", runs / "paper", "--output", used)
    line = refused_here(*words)
    assert "audit of other runs" in line

    assert "one protocol's patches" in refused_here(
        "audit", "--data", "patches.npz", "--output", tmp_path / "audit", "--run", runs / "paper",
    )  # fmt: skip
