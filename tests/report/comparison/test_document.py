"""comparison.html, without a browser, and the command that writes it."""

import shutil
from pathlib import Path

import pytest

from jaxcbis.commands.main import main
from jaxcbis.records import results
from jaxcbis.report.comparison import document
from jaxcbis.report.page import folder, joined, patches
from jaxcbis.report.tables import Table
from tests.report import made_run
from tests.report.comparison import runs
from tests.report.test_page import Page
from tests.study.made import record

TABLE = Table("All hyperparameter sets", ("model", "batch"), [("resnet50 s2", "8")])


@pytest.fixture(scope="module")
def pair(made, tmp_path_factory):
    """Folders of two runs on the same patches, the second at half the image size."""
    return runs.written(tmp_path_factory.mktemp("pair"), "ab", made / "figures")


def test_patches_are_matched_whatever_the_image_size(pair):
    """Each once, with the larger picture and both answers."""
    tested = [patches.of(run) for run in folder.read(pair)]
    found = joined.gallery_of(tested)
    large = {item["id"]: item["image"] for item in tested[0].pictures.values()}
    assert [patch["id"] for patch in found["patches"]] == list(tested[0].rows)
    for order in (tested, tested[::-1]):
        for patch in joined.gallery_of(order)["patches"]:
            assert patch["image"] == large[patch["id"]]
            assert all(answer and "image" not in answer for answer in patch["answers"])
    assert len(patches.common(*tested)) == 24


def test_patches_that_were_cut_in_another_way_have_pictures_of_their_own(pair, made, tmp_path):
    other = made_run.write(tmp_path / "c", count=24, size=32, drawn=made / "figures")
    tested = [patches.of(run) for run in folder.read([pair[0], other])]
    for patch in joined.gallery_of(tested)["patches"]:
        one, two = patch["answers"]
        assert "image" not in one
        assert two["image"] != patch["image"]
    assert "of other patients, classes or pixels" in patches.why_not(*tested)


def test_the_page_is_one_file_that_leads_with_the_answer(pair, tmp_path):
    path = document.write(tmp_path / "some page.html", pair)
    text = path.read_text(encoding="utf-8")
    page = Page(text)
    assert page.open == []
    assert "Comparison of 2 runs" in page.text
    first = page.text.index("The two runs do")
    assert first < page.text.index("Accuracy without label normalisation:")
    assert page.text.index("Accuracy without label normalisation:") < page.text.index(
        "Accuracy with label normalisation:"
    )
    assert page.text.index("Malignancy AUC:") < page.text.index("McNemar's p")
    assert page.text.count("Demo data: these are generated phantoms") == 1
    assert page.text.count("Leakage: 3 patients") == 1
    assert page.text.count("A note with [brackets] and <markup>.") == 1
    assert "All options, data, weights and programs are the same." in page.text
    curves = [
        image["alt"] for image in page.all("img") if "of every run by trained" in image["alt"]
    ]
    assert [alt.split()[0] for alt in curves] == ["Loss", "Accuracy"]
    assert not any("://" in str(value) for _, of in page.tags for value in of.values())


def test_runs_that_cannot_be_paired_are_told_with_the_reason(made, copy, tmp_path):
    file = copy / "results.json"
    file.write_text(file.read_text().replace('"protocol": "paper"', '"protocol": "clean"'))
    text = Page(document.write(tmp_path / "x.html", [made, copy]).read_text("utf-8")).text
    assert "Nothing is paired" in text
    assert "protocol, which cut and split patches differently" in text
    assert "only the first right" not in text


def test_a_run_that_is_not_tested_yet_is_compared_by_its_curves(made, copy, tmp_path):
    found = results.read(copy / "results.json")
    unfinished = {"status": "interrupted", "test": None, "localization": None, "covering": None}
    results.write(copy / "results.json", found | unfinished)
    (copy / "predictions.csv").unlink()
    page = Page(document.write(tmp_path / "x.html", [made, copy]).read_text("utf-8"))
    assert "one of them has no predictions yet" in page.text
    assert "The run was interrupted" in page.text
    assert any(image["alt"].startswith("Loss of every run") for image in page.all("img"))


def test_the_command_compares_where_it_is_told(pair, tmp_path, capsys):
    goal = tmp_path / "mine.html"
    assert main(["report", *map(str, pair), "--output", str(goal)]) == 0
    written = capsys.readouterr().out.split()
    assert written == [*(str(run / "report.html") for run in pair), str(goal)]
    assert 'href="../' in goal.read_text("utf-8"), "each run's report is linked"
    assert not (pair[0].parent / "comparison.html").exists()


@pytest.mark.parametrize(
    ("name", "said"),
    [
        ("file/x.html", "cannot write"), ("x.json", "ends in .html"), ("x.html", "is a folder"),
    ],
)  # fmt: skip
def test_where_no_page_can_be_written_nothing_is_made(pair, tmp_path, refused_here, name, said):
    (tmp_path / "x.html").mkdir()
    (tmp_path / "file").write_text("mine")
    copies = [shutil.copytree(run, tmp_path / run.name) for run in pair]
    for run in copies:
        (run / "report.html").unlink(missing_ok=True)
    line = refused_here("report", *copies, "--output", tmp_path / name)
    assert str(tmp_path / name).removesuffix("/x.html") in line
    assert said in line
    assert not any((run / "report.html").exists() for run in copies)


def test_one_run_is_no_comparison_nor_is_one_given_twice(pair, refused_here):
    assert "two runs or more" in refused_here("report", *pair[:1] * 2, "--output", "x.html")


def test_runs_without_a_common_folder_are_compared_in_the_current_one(tmp_path, monkeypatch):
    """Their common folder is the root of the disk, which is nobody's place to write to."""
    monkeypatch.chdir(tmp_path)
    assert document.joint_path([Path("/a/x"), Path("/b/y")]) == tmp_path / "comparison.html"
    assert document.joint_path([Path("/a/x"), Path("/a/y")]) == Path("/a/comparison.html")


def test_a_study_says_so_and_compares_every_two_of_its_models(made, tmp_path):
    names = [f"resnet{k} s{k}" for k in range(5)]
    path = document.write_study(tmp_path / "x.html", dict.fromkeys(names, made), [TABLE])
    text = Page(path.read_text("utf-8")).text
    assert "Study of 5 models" in text
    assert text.count("less resnet0 s0") == 4
    assert text.count("less resnet3 s3") == 1
    assert "No two models that are compared differ beyond noise" in text  # they are one run
    assert TABLE.title in text


def test_the_command_rebuilds_the_page_of_a_study(made, tmp_path, capsys):
    study, runs = record()
    results.write(tmp_path / "study.json", study | {"schema": 1, "status": "finished"})
    for name in runs:
        (tmp_path / name).symlink_to(made)
    assert main(["report", str(tmp_path)]) == 0
    assert capsys.readouterr().out.split() == [str(tmp_path / "report.html")]
    text = Page((tmp_path / "report.html").read_text("utf-8")).text
    assert "Study of 2 models" in text
    assert "All hyperparameter sets" in text


def test_a_study_of_one_model_leads_with_its_verdict(copy, tmp_path):
    (copy / "gallery.json").unlink()
    path = document.write_study(tmp_path / "x.html", {"resnet50 s2": copy}, [TABLE])
    assert "gallery-data" not in path.read_text("utf-8"), "a script would look for it in vain"
    page = Page(path.read_text("utf-8"))
    assert page.open == []
    assert "Study of resnet50 s2" in page.text
    assert "reaches an accuracy of" in page.text[: page.text.index("Side by side")]
    assert "less resnet50 s2" not in page.text
    assert TABLE.title in page.text


def test_a_folder_that_is_no_run_is_named_before_any_page_is_written(copy, tmp_path, refused_here):
    (copy / "report.html").unlink()
    assert str(tmp_path / "none") in refused_here("report", copy, tmp_path / "none")
    assert not (copy / "report.html").exists()
