"""What a run's options become, and how they compare with those that an earlier run recorded."""

import dataclasses

import pytest

from jaxcbis.config import (
    SCORING,
    Config,
    described,
    differing,
    is_exported,
    recorded,
    resolve,
    unused,
)
from jaxcbis.errors import UserError


def record(**given):
    return dataclasses.asdict(resolve({"data": "a.npz"} | given))


def test_only_what_differs_is_told():
    now = record(seed=2, output="elsewhere")
    assert differing(record(seed=1), now, scored=True) == ["seed was 1, is 2"]


def test_an_option_that_a_run_did_not_know_had_its_default():
    before = record()
    del before["deterministic"]
    assert differing(before, record(), scored=True) == []
    asked = record(deterministic=True)
    assert differing(before, asked, scored=True) == ["deterministic was False, is True"]


def test_no_training_hangs_on_how_maps_are_made_and_scored():
    changes = {"cam_threshold": 0.3, "cam_method": "hirescam", "cam_stage": "layer3"}
    assert set(changes) == set(SCORING)
    assert differing(record(), record(**changes), scored=False) == []
    assert differing(record(), record(**changes), scored=True) == [
        "cam_threshold was 0.5, is 0.3",
        "cam_method was gradcam, is hirescam",
        "cam_stage was None, is layer3",
    ]


@pytest.mark.parametrize("option", ["data", "weights"])
def test_another_spelling_of_a_path_is_the_same_path(option, tmp_path, monkeypatch):
    (tmp_path / "release").mkdir()
    (tmp_path / "link").symlink_to("release")
    monkeypatch.chdir(tmp_path)
    first = record(**{option: str(tmp_path / "release")})
    for spelling in ("release", "release/", "./release", "../" + tmp_path.name + "/link"):
        assert differing(first, record(**{option: spelling}), scored=True) == []
    (told,) = differing(first, record(**{option: "elsewhere"}), scored=True)
    assert told.endswith("/release, is elsewhere")


@pytest.mark.parametrize("option", ["data", "weights"])
def test_a_path_that_was_recorded_means_the_same_in_another_folder(option, tmp_path, monkeypatch):
    (tmp_path / "elsewhere").mkdir()
    monkeypatch.chdir(tmp_path)
    before = recorded(resolve({option: "release/"}))
    assert before[option] == str(tmp_path / "release")
    monkeypatch.chdir("elsewhere")
    assert differing(before, recorded(resolve({option: "../release"})), scored=True) == []
    assert len(differing(before, recorded(resolve({option: "release"})), scored=True)) == 1


def test_words_that_are_no_paths_are_recorded_as_they_are():
    for weights in ("imagenet", "random"):
        kept = recorded(resolve({"weights": weights, "output": "here"}))
        assert (kept["weights"], kept["data"], kept["output"]) == (weights, None, "here")


def test_a_file_of_patches_is_known_by_its_name():
    assert [is_exported(name) for name in ("a.npz", "A.NPZ", "npz", "a.npz.zip", None)] == [
        True, True, False, False, False,
    ]  # fmt: skip


def test_the_demo_set_is_no_path():
    assert differing(record(), record() | {"data": None}, scored=False) == [
        "data was a.npz, is None"
    ]


def test_the_weights_of_a_study_are_compared_one_by_one(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    before = {"weights": {"vgg19": "a.h5", "resnet50": "imagenet"}}
    same = {"weights": {"vgg19": str(tmp_path / "a.h5"), "resnet50": "imagenet"}}
    other = {"weights": {"vgg19": "a.h5", "resnet50": "random"}}
    assert differing(before, same, scored=True) == []
    assert len(differing(before, other, scored=True)) == 1


def test_a_config_is_whole_or_there_is_none():
    with pytest.raises(TypeError, match="missing"):
        Config(backbone="vgg16")
    with pytest.raises(TypeError, match="no such option: surprise"):
        resolve({"surprise": 1})


@pytest.mark.parametrize(
    ("given", "rate"),
    [
        ({}, 3e-4),  # on demo data
        ({"data": "r"}, 3e-4),
        ({"data": "r", "strategy": "s1"}, 3e-5),
        ({"data": "r", "backbone": "vgg19"}, 3e-5),
        ({"data": "r", "backbone_lr": 1e-2}, 1e-2),
    ],
)
def test_the_backbones_rate_is_that_of_the_paper_for_model_and_strategy(given, rate):
    assert resolve(given).backbone_lr == rate


@pytest.mark.parametrize(
    ("given", "size"),
    [
        ({}, 48),
        ({"data": "r"}, 550),
        ({"data": "r", "protocol": "clean"}, None),
        ({"data": "r.npz"}, None),
        ({"data": "r", "background_size": 60}, 60),
    ],
)
def test_a_background_has_a_size_only_where_one_is_cut(given, size):
    assert resolve(given).background_size == size


@pytest.mark.parametrize(
    ("given", "said"),
    [
        (
            {"protocol": "clean", "windows": 5},
            "--windows 5 is not used: it counts only under --protocol shifted",
        ),
        ({"windows": 3}, "--windows 3 is not used: it counts only under --protocol shifted"),
        (
            {"protocol": "shifted", "background_size": 300},
            "--background-size 300 is not used: it counts only under --protocol paper",
        ),
        (
            {"data": "r.npz", "background_size": 60},
            "--background-size 60 is not used: the patches of r.npz are cut already",
        ),
    ],
)
def test_what_changes_nothing_is_told(given, said):
    settled = resolve(given)
    assert unused(given, settled) == [said]
    assert unused(dataclasses.asdict(settled), settled) == []  # once settled it is no more there
    used = {"protocol": "shifted", "windows": 5}
    assert unused(used, resolve(used)) == []


@pytest.mark.parametrize(
    ("given", "head"),
    [
        ({"backbone": "vgg19"}, "flatten"),
        ({"backbone": "vgg19", "protocol": "clean"}, "flatten"),
        ({"backbone": "vgg19", "protocol": "shifted"}, "pool"),
        ({"backbone": "vgg19", "protocol": "shifted", "head": "flatten"}, "flatten"),
        ({"backbone": "resnet50"}, "pool"),
    ],
)
def test_a_vgg_pools_where_lesions_lie_anywhere(given, head):
    assert resolve(given).head == head


def test_options_are_told_as_they_are_given():
    told = described(resolve({"head_lr": 3e-4 * 0.3, "epochs": 4, "deterministic": True}))
    assert told["--data"] == "the built-in demo set"
    assert (told["--head-lr"], told["--epochs"], told["--look-weight"]) == ("9e-05", "4", "0")
    assert (told["--deterministic"], told["--resume"]) == ("yes", "no")
    assert (told["--windows"], told["--cam-stage"]) == ("not used", "the last one")
    assert "None" not in told.values()


def test_a_run_is_named_after_what_it_is():
    assert resolve({"strategy": "s1", "seed": 3}).output == "runs/resnet50-s1-paper-seed3"


def test_defaults_are_those_that_the_pages_state():
    found = resolve({"data": "release"})
    assert (found.lr_decay, found.image_size, found.batch_norm) == (0.3, 224, "frozen")
    assert (found.cam_threshold, found.batch_size) == (0.5, 16)


@pytest.mark.parametrize(
    ("given", "said"),
    [
        ({"backbone": "vgg19", "output_stride": 32}, "--output-stride 32: vgg19 has 16 only"),
        ({"backbone": "resnet34", "head": "flatten"}, "--head flatten: resnet34 has pool only"),
        ({"look_weight": -0.1}, "--look-weight -0.1: expected a number of at least 0"),
        ({"look_weight": float("nan")}, "--look-weight nan: expected a number of at least 0"),
    ],
)
def test_what_a_backbone_has_not_and_no_weight_can_be_is_refused(given, said):
    with pytest.raises(UserError, match=said):
        resolve(given)
