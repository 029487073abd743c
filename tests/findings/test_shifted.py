"""The document on shifted lesions: its answer follows the figures, in all branches."""

import json
import shutil
from pathlib import Path

import pytest

from jaxcbis.commands.main import main
from jaxcbis.findings import centred, documents, shifted
from tests.audit.looking import made

DOCS = Path(__file__).resolve().parents[2] / "docs"
USES = {"covered_less_elsewhere": (-0.2, -0.3, -0.1)}


def behind(run: dict, kind: str = "blurred_brightness", figure: str = "pixel_ap") -> dict:
    """The same run, whose maps one of those made without a model is no worse than."""
    run["blind"][kind][figure] |= {"value": 0.9, "verdict": "within noise"}
    return run


@pytest.mark.parametrize(
    ("runs", "said"),
    [
        (
            [made.run(**USES), made.run(seed=1, **USES)],
            "**Yes.** Of 2 runs plainly trained on shifted lesions, 2 beat every map made without "
            "a model in pixel AP, 2 in the pointing game and 2 in the LL score; 2 lose more AUC",
        ),
        (
            [made.run(**USES), behind(made.run(seed=1, **USES), figure="ll_score")],
            "**Yes.** Of 2 runs plainly trained on shifted lesions, 2 beat every map made without "
            "a model in pixel AP, 2 in the pointing game and 1 in the LL score; 2 lose more AUC",
        ),
        ([made.run(**USES), made.run(seed=1)], "**Some models do, not all.** Of 2 runs"),
        (
            [made.run(**USES), made.run(seed=1, **USES), made.run(seed=2)],
            "**Most models do.** Of 3 runs",
        ),
        ([made.run(**USES), made.run(seed=1)], "1 loses more AUC with the lesion covered"),
        (
            [behind(made.run(**USES)), made.run(seed=1)],
            "**No model shows both signs that it does, some show one.** Of 2 runs plainly trained "
            "on shifted lesions, 1 beats every map made without a model in pixel AP",
        ),
        ([behind(made.run(**USES))], "**Covering the lesion says that it does, the maps do not.**"),
        (
            [behind(made.run(**USES))],
            "none beat every map made without a model in pixel AP, 1 in the pointing game",
        ),
        ([made.run()], "**The maps say that it does, covering the lesion does not.**"),
        ([made.run()], "Of 1 run plainly trained on shifted lesions, 1 beats"),
        ([made.run()], "none lose more AUC with the lesion covered"),
        ([behind(made.run())], "**Nothing shows that it does.**"),
        ([behind(made.run()), behind(made.run(seed=1))], "none beat every map"),
        ([made.run("clean", **USES), behind(made.run())], "**Nothing shows that it does.**"),
        (
            [made.run(look_weight=1.0, **USES)],
            "Of 1 run trained with the term on shifted lesions, 1 beats every map",
        ),
    ],
)
def test_the_verdict_follows_maps_and_covering(runs, said):
    assert said in shifted.answer(made.looking(runs))[0]


def test_the_model_of_the_figure_is_told_beside_the_strongest_blind_map():
    runs = [made.run("clean"), behind(made.run(ll_score=(0.52, 0.50, 0.54)), figure="ll_score")]
    said = shifted.answer(made.looking(runs))[1]
    assert said.startswith("resnet50 s2, stride 16, plain, seed 0, has an LL score of 0.52 (0")
    assert "no better or worse, beyond noise, than the blurred brightness (0.90)" in said
    runs[1]["figures"]["lesion_auc_covered"] = {"value": None, "ci95": None}
    assert "covered" not in shifted.answer(made.looking(runs))[1]


@pytest.mark.parametrize(
    ("verdicts", "said"),
    [
        (["better"], "is better (+0.05, 95 % interval +0.01 to +0.09)"),
        (["worse"], "is worse (-0.05"),
        (["within noise"], "is no different beyond noise (+0.00"),
        (["within noise", "better"], "better in 1, no different beyond noise in 1 of 2"),
        (
            ["better", "worse", "better"],
            "better in 2, worse in 1 of 3 comparisons (-0.05 to +0.05)",
        ),
    ],
)
def test_cut_term_and_price_are_told_by_their_verdicts(verdicts, said):
    of_cut = [
        made.difference(0.0, "protocol", ll_score=verdict, pixel_ap=verdict, accuracy=verdict)
        for verdict in verdicts
    ]
    of_term = [
        made.difference(
            ll_score=verdict, pointing_game=verdict, pixel_ap=verdict, accuracy=verdict,
            malignancy_auc=verdict,
        )
        for verdict in verdicts
    ]  # fmt: skip
    _, _, cut, term, price = shifted.answer(made.looking(differences=of_cut + of_term))
    assert cut.count(said) == 3
    assert term.count(said) == 3
    assert price.count(said) == 2
    assert "no model is shown to use the lesion more or less" in price


@pytest.mark.parametrize(
    ("verdicts", "said"),
    [
        (["better", "worse"], "takes more in 1 and less in 1"),
        (["better", "within noise"], "takes more in 1 and less in none"),
        (["worse"], "takes more in none and less in 1"),
    ],
)
def test_it_says_where_the_term_changes_what_is_used(verdicts, said):
    rows = [made.difference(covered_less_elsewhere=verdict) for verdict in verdicts]
    assert said in shifted.answer(made.looking(differences=rows))[-1]


def test_what_was_not_done_is_said():
    _, _, cut, term, price = shifted.answer(made.looking(differences=[]))
    assert "No run that was trained on centred lesions" in cut
    assert "No run was trained with the term" in term
    assert "not known" in price
    text = shifted.text(made.audit(made.looking(differences=[])), "beside.md", "seen.png")
    assert "no difference is known" in text


def test_how_the_runs_were_trained_is_told():
    runs = [made.run("clean"), made.run(), made.run() | {"strategy": "s1", "epochs": 1}]
    text = shifted.text(made.audit(made.looking(runs)), "beside.md", "seen.png")
    said = "Images of 112 pixels, 3 windows on each training lesion; epochs of a phase, at most: "
    assert f"{said}2 of resnet50 s2, 1 of resnet50 s1; float32, on cpu. A run is" in text
    text = shifted.text(made.audit(made.looking([made.run()])), "beside.md", "seen.png")
    assert f"{said}2; float32" in text


def test_a_model_that_is_mapped_in_two_ways_counts_once():
    run = made.run(**USES)
    again = behind(made.run(**USES)) | {"cam_method": "layercam"}
    assert "**Yes.** Of 1 run" in shifted.answer(made.looking([run, again]))[0]
    alone = shifted.answer(made.looking([again]))[0]
    assert "**Covering the lesion says that it does, the maps do not.**" in alone


def test_heads_and_map_methods_have_a_sentence_each_over_weights_and_strategies():
    def compared(option, weight, ll_score, **pair):
        row = made.difference(weight, option, ll_score=ll_score)
        row["pair"] |= {"backbone": "vgg19"} | pair
        return row

    rows = [
        made.difference(), compared("head", 0.0, "better"), compared("head", 1.0, "within noise"),
        compared("head", 0.0, "better", cam_method="layercam"),  # the same models
        compared("cam_method", 0.0, "worse", head="flatten", cam_method="layercam"),
    ]  # fmt: skip
    text = shifted.text(made.audit(made.looking(differences=rows)), "beside.md", "seen.png")
    section = text.partition("## Head, grid and map method")[2].partition("##")[0]
    head, method = section.strip().splitlines()
    assert head.startswith(
        "- vgg19, head pool against flatten: LL score better in 1, no different beyond noise in 1 "
        "of 2 comparisons"
    )
    assert "malignancy AUC no different beyond noise in 2 of 2" in head
    assert method.startswith(
        "- vgg19 s2, flatten, LayerCAM against Grad-CAM: LL score worse (-0.05"
    )
    assert "accuracy" not in method


def test_differences_without_an_interval_are_told_as_such():
    """With one patient nothing can be resampled; without a correct lesion there is no figure."""
    row = made.difference()
    for of in row["figures"].values():
        of |= {"ci95": None, "verdict": None}
    row["figures"]["pixel_ap"]["difference"] = None
    *_, term, price = shifted.answer(made.looking(differences=[row]))
    assert "the LL score is of unknown noise (+0.00)" in term
    assert "pixel AP is not known" in term
    assert "None" not in term + price
    *_, term, _ = shifted.answer(made.looking(differences=[row, made.difference()]))
    assert "the LL score is no different beyond noise in 1, of unknown noise in 1 of 2" in term
    assert "pixel AP is no different beyond noise in 1 of 2 comparisons" in term


@pytest.mark.parametrize(
    ("weights", "said"),
    [
        ([0.0], "All models were trained plainly."),
        ([1.0], "All models were trained with a second term"),
        ([0.0, 1.0], "Some models were trained plainly; others with a second term"),
    ],
)
def test_the_question_tells_how_these_models_were_trained(weights, said):
    runs = [made.run(look_weight=weight) for weight in weights]
    assert said in shifted.text(made.audit(made.looking(runs)), "beside.md", "seen.png")


def test_only_small_lesions_are_called_those_of_reduced_mammograms():
    looking = made.looking(differences=[made.difference(seeds=[3])])
    looking["n"]["lesion_side"] = 412.0
    text = shifted.text(made.audit(looking), "beside.md", "seen.png")
    assert "at most 412 pixels long." in text
    assert "reduced" not in text
    assert "One seed stands behind a difference" in text
    looking["n"]["lesion_side"] = None
    assert "pixels long" not in shifted.text(made.audit(looking), "beside.md", "seen.png")


def test_limits_are_those_of_the_data():
    text = shifted.text(made.audit(made.looking()), "beside.md", "seen.png", ["findings-112.md"])
    assert "no BENIGN_Calc and no MALIGNANT_Calc" in text
    assert "at most 18 pixels long: these are reduced mammograms" in text
    assert "At most 2 seeds" in text
    assert "7 x 7 cells" in text
    assert "](seen.png)" in text
    assert "Other runs are in [findings-112.md](findings-112.md)." in text
    assert "[beside.md](beside.md)" in text


def test_both_documents_are_written_and_nothing_stands_twice(tmp_path, capfd):
    others = shutil.ignore_patterns(documents.FURTHER, "mammograms.json")
    shutil.copytree(DOCS / "results", tmp_path / "results", ignore=others)
    audit = tmp_path / "results" / documents.LOOKING
    audit.write_text(json.dumps(made.audit(made.looking())))
    assert main(["findings", str(tmp_path)]) == 0
    assert capfd.readouterr().out.split() == [
        str(tmp_path / documents.NAME), str(tmp_path / documents.CENTRED_NAME),
    ]  # fmt: skip
    new, old = ((tmp_path / name).read_text() for name in (documents.NAME, documents.CENTRED_NAME))
    assert documents.CENTRED_NAME in new
    assert old.startswith(f"# {centred.TITLE_BESIDE}")
    further = tmp_path / "results" / "looking-small.json"
    further.write_text(audit.read_text())
    assert main(["findings", str(tmp_path)]) == 0
    assert str(tmp_path / "findings-small.md") in capfd.readouterr().out.split()
    assert "](looking-small.png)" in (tmp_path / "findings-small.md").read_text()
    assert "[findings-small.md](findings-small.md)" in (tmp_path / documents.NAME).read_text()
    further.unlink()
    shared = {line for line in new.splitlines() if len(line) > 60} & set(old.splitlines())
    assert not shared
    audit.write_text(json.dumps({"looking": {}}))
    assert main(["findings", str(tmp_path)]) == 2
    assert "make them again" in capfd.readouterr().err
    audit.write_text(json.dumps(made.audit(None)))
    assert main(["findings", str(tmp_path)]) == 2
    assert "audits no run by the shifted protocol" in capfd.readouterr().err
    audit.write_text("[]")
    assert main(["findings", str(tmp_path)]) == 2
    assert "looking.json: expected the results of" in capfd.readouterr().err
