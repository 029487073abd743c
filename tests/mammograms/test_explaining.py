"""The commands that ask a mammogram run, and those that refuse one."""

import json

import cv2
import numpy as np
import pytest
from PIL import Image

import jaxcbis
from jaxcbis.commands.main import main
from jaxcbis.mammograms import explaining
from jaxcbis.mammograms.page import answer
from tests import tiny_mammogram, tiny_run

HEIGHT, WIDTH = tiny_mammogram.HEIGHT, tiny_mammogram.WIDTH


@pytest.fixture(scope="module")
def run(tmp_path_factory):
    return tiny_mammogram.write(tmp_path_factory.mktemp("explaining") / "run")


@pytest.fixture
def mammogram(tmp_path):
    Image.fromarray(tiny_mammogram.film(100, 80)).save(tmp_path / "mammogram.png")
    return tmp_path / "mammogram.png"


def asked(*words, capsys):
    """Runs a command that must succeed; returns what it printed."""
    assert main([*map(str, words)]) == 0, capsys.readouterr().err
    return capsys.readouterr().out


def test_explain_tells_the_probability_and_draws_the_map(run, mammogram, tmp_path, capsys):
    words = ("explain", mammogram, "--run", run, "--output", tmp_path / "out")
    said = asked(*words, "--json", tmp_path / "a.json", capsys=capsys)
    found = json.loads((tmp_path / "a.json").read_text())
    (answer,) = found["images"]
    expected = jaxcbis.explain(jaxcbis.load(run), mammogram)
    assert answer["malignant"] == pytest.approx(float(expected.probabilities))
    assert answer["box"] == expected.boxes.tolist()
    assert answer["flipped"] == bool(expected.flipped)
    assert (answer["width"], answer["height"]) == (80, 100)
    assert f"  malignant {expected.probabilities:.2f}\n" in said
    assert f"tiny, 96 x 64, from the patch run, from {run}" in said
    for notice in ("no medical device", "demo data", "random weights", "50% of the views trained"):
        assert notice in said
        assert notice in " ".join(found["notes"])
    height, width, _ = cv2.imread(str(tmp_path / "out" / "mammogram-cam.png")).shape
    assert width >= 900
    assert height < width


def test_raw_is_the_overlay_alone(run, mammogram, tmp_path, capsys):
    words = ("explain", mammogram, "--run", run, "--output", tmp_path, "--raw")
    asked(*words, capsys=capsys)
    expected = jaxcbis.explain(jaxcbis.load(run), mammogram).overlay()
    found = cv2.imread(str(tmp_path / "mammogram-cam.png"))[..., ::-1]
    np.testing.assert_array_equal(found, expected)


def test_a_breast_that_had_to_be_enlarged_is_told_of(run, tmp_path, capsys):
    Image.fromarray(tiny_mammogram.film(30, 24)).save(tmp_path / "small.png")
    words = ("explain", tmp_path / "small.png", "--run", run, "--output", tmp_path)
    assert "and enlarged to the 96 that the run looks at" in asked(*words, capsys=capsys)


def test_a_picture_without_a_breast_gets_no_answer(run, mammogram, tmp_path, refused_here, capfd):
    Image.fromarray(np.zeros((100, 80), np.uint8)).save(tmp_path / "blank.png")
    words = ("explain", tmp_path / "blank.png", "--run", run, "--output", tmp_path / "out")
    assert "no breast is found on it; expected a whole mammogram" in refused_here(*words)
    both = ("explain", mammogram, *words[1:])
    assert main([*map(str, both)]) == 2, "the other one is answered"
    assert "  malignant 0." in capfd.readouterr().out
    whole = jaxcbis.load(run)
    with pytest.raises(jaxcbis.UserError, match=r"^image 1: no breast is found"):
        jaxcbis.predict(whole, [tiny_mammogram.film(), np.zeros((100, 80), np.uint8)])


def test_a_picture_that_is_all_breast_is_doubted_before_it_is_answered(run, tmp_path, capsys):
    close = np.full((100, 80), 120, np.uint8)
    Image.fromarray(close).save(tmp_path / "close.png")
    said = asked("explain", tmp_path / "close.png", "--run", run, "--output", tmp_path,
                 capsys=capsys)  # fmt: skip
    doubt = "no edge of the breast is seen on it: all of it is taken for breast"
    assert said.index(doubt) < said.index("  malignant 0.")
    whole = jaxcbis.load(run)
    with pytest.warns(UserWarning, match="no edge of the breast"):
        jaxcbis.predict(whole, close)
    texts = [text.get_text() for part in jaxcbis.explain(whole, close).plot().subfigs
             for text in part.texts]  # fmt: skip
    assert any(doubt in text for text in texts)


def test_labels_are_by_the_operating_point(run):
    whole = jaxcbis.load(run)
    films = [tiny_mammogram.film(seed=seed) for seed in range(3)]
    found = jaxcbis.explain(whole, films)
    called = found.probabilities >= answer.called_from(whole.results)
    assert found.labels == ["malignant" if each else "benign" for each in called]
    assert jaxcbis.explain(whole, films[0]).labels == found.labels[0]


def test_random_weights_and_demo_data_are_told_of_only_where_they_are():
    splits = {"train": {"total": 10, "malignant": 5}}
    results = {
        "data": {"source": "demo", "splits": splits},
        "weights": [{"format": "torch"}, {"format": "random"}],
    }
    assert len(explaining.cautions(results)) == 4
    plain = {"data": {"source": "cbis", "splits": splits}, "weights": [{"format": "torch"}]}
    assert len(explaining.cautions(plain)) == 2


def test_export_by_command(run, tmp_path, capsys):
    said = asked("export", run, "--output", tmp_path / "a.stablehlo", capsys=capsys)
    assert said.strip() == str(tmp_path / "a.stablehlo")
    assert (tmp_path / "a.stablehlo").stat().st_size > 0


def test_what_needs_a_run_on_patches_refuses_one_on_mammograms(
    run, mammogram, tmp_path, refused_here
):
    patch = tiny_run.write(tmp_path / "patch")
    out = ("--output", tmp_path / "out")
    sentence = "of a mammogram run; give the folder of a patch run"
    for words in (
        ("froc", "--data", tmp_path, "--run", run, *out),
        ("audit", "--run", patch, run, *out),
        ("mammogram", "--run", run, *out),
    ):
        assert sentence in refused_here(*words), words
    line = refused_here("explain", mammogram, "--run", run, "--sweep", *out)
    assert line.endswith("which looks at all of a mammogram; leave it out")


def test_a_run_that_is_not_there_is_one_line(mammogram, tmp_path, refused_here):
    for words in (("explain", mammogram, "--run"), ("export",)):
        line = refused_here(*words, tmp_path / "absent", "--output", tmp_path / "a.bin")
        assert "absent/results.json: No such file" in line
