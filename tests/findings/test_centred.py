"""The document on what the models look at says what the committed results say."""

import copy
import json
import shutil
from pathlib import Path

import pytest

from jaxcbis.commands.main import main
from jaxcbis.findings import centred, documents

DOCS = Path(__file__).resolve().parents[2] / "docs"


@pytest.fixture(scope="module")
def committed():
    studies = {
        protocol: json.loads((DOCS / "results" / name).read_text())
        for protocol, name in documents.STUDIES.items()
    }
    return studies, json.loads((DOCS / "results" / documents.AUDIT).read_text())


def test_the_committed_documents_are_what_the_command_makes(tmp_path, capfd):
    shutil.copytree(DOCS / "results", tmp_path / "results")
    assert main(["findings", str(tmp_path)]) == 0
    for made in capfd.readouterr().out.split():
        assert Path(made).read_text() == (DOCS / Path(made).name).read_text()
    if (DOCS / "results" / documents.LOOKING).exists():
        looking = json.loads((DOCS / "results" / documents.LOOKING).read_text())["looking"]
        assert (DOCS / looking["picture"]["file"]).exists()


@pytest.mark.parametrize(
    ("better", "said"),
    [(0, "nothing shows that it does"), (1, "the maps of some models say"), (4, "the maps say")],
)
def test_the_answer_follows_the_clean_models_maps(committed, better, said):
    studies, audit = copy.deepcopy(committed[0]), committed[1]
    chosen = {row["run"] for row in studies["clean"]["chosen"]}
    cells = [cell for cell in studies["clean"]["cells"] if cell["run"] in chosen]
    assert len(cells) == 4
    for cell in cells[:better]:
        cell["localization"]["ll_score_ci95"] = [0.98, 0.99]
    assert f"**On these data, {said}" in centred.text(studies, audit)


@pytest.mark.parametrize(("said", "answer"), [("better", "the maps say"), ("worse", "nothing")])
def test_a_paired_comparison_counts_more_than_an_interval(committed, said, answer):
    studies, audit = copy.deepcopy(committed[0]), committed[1]
    for cell in studies["clean"]["cells"]:
        cell["localization"]["against_baselines"] = {"all_ones": {"verdict": said}}
        cell["localization"]["ll_score_ci95"] = [0.98, 0.99] if said == "worse" else [0.0, 0.01]
    studies["clean"]["config"]["cam_method"] = "layercam"
    text = centred.text(studies, audit)
    assert f"**On these data, {answer}" in text
    assert ("clean protocol: the LayerCAM maps of" in text) == (said == "worse")


def test_what_is_missing_is_named(tmp_path, capfd):
    assert main(["findings", str(tmp_path)]) == 2
    assert "study-paper.json" in capfd.readouterr().err
    shutil.copytree(DOCS / "results", tmp_path / "results")
    (tmp_path / "results" / documents.AUDIT).write_text("{}")
    assert main(["findings", str(tmp_path)]) == 2
    assert "make them again" in capfd.readouterr().err


def test_the_results_have_the_figures_of_the_committed_studies(committed):
    """The table of both studies: accuracies with intervals, and LL beside a map of ones."""
    text = (DOCS / "results.md").read_text()
    table = text.split("## The study under two protocols")[1].split("\n## ")[0]
    rows = {line.split("|")[1].strip(): line for line in table.splitlines() if line[:1] == "|"}
    for protocol, study in committed[0].items():
        cells = {cell["run"]: cell for cell in study["cells"]}
        for chosen in study["chosen"]:
            cell = cells[chosen["run"]]
            name = {"resnet50": "ResNet50", "vgg19": "VGG19"}[cell["backbone"]]
            row = rows[f"{name} {cell['strategy'].upper()}"]
            blind = [cell["test_without_label_normalization"]] if protocol == "paper" else []
            for test in (cell["test"], *blind):
                low, high = test["accuracy_ci95"]
                assert f" {test['accuracy']:.2f} ({low:.2f} to {high:.2f}) " in row
            of = cell["localization"]
            assert f" {of['ll_score']:.2f} / {of['baselines']['all_ones']:.2f} " in row
