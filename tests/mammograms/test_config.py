"""The options of a whole-image classifier: bounds, what resuming forbids, the words that repeat."""

import shlex

import pytest

from jaxcbis import flags
from jaxcbis.commands import main
from jaxcbis.errors import UserError
from jaxcbis.mammograms import config
from jaxcbis.mammograms.config import differing, recorded, resolve
from tfds_cbis import whole_views

GIVEN = {
    "data": "/releases/kaggle", "run": ["runs/a", "runs/b"], "start": "imagenet", "height": 576,
    "width": 448, "no_augmentation": True, "top_blocks": 1, "top_lr": 3e-4, "seed": 2,
}  # fmt: skip


def test_every_option_is_in_one_group():
    members = [name for group in config.GROUPS.values() for name in group]
    assert sorted(members) == sorted(config.NAMES)


def test_defaults_are_those_of_the_literature_and_smaller_on_demo_data():
    real = resolve({"data": "/releases/kaggle", "run": ["runs/a"]})
    assert (real.height, real.width, real.batch_size, real.start) == (1152, 896, 2, "patch")
    assert real.output == "runs/mammogram-a-patch-seed0"
    demo = resolve({"run": ["runs/a"]})
    assert demo.demo
    assert demo.height < real.height
    assert (real.no_sweep, demo.no_sweep) == (False, True), "it takes longer than all the rest"


def test_sizes_are_those_that_the_data_set_can_be_prepared_at():
    sides = {each.name: each.metadata for each in config.OPTIONS if each.name in config.SIZE}
    assert tuple(side["default"] for side in sides.values()) == whole_views.SIZE
    for side in sides.values():
        assert (side["low"], side["high"]) == (whole_views.SMALLEST, whole_views.LARGEST)
    assert config.CELL == whole_views.STEP
    assert config.size({"data": "/releases/kaggle", "width": 448, "seed": 1}) == (1152, 448)


@pytest.mark.parametrize(
    ("given", "said"),
    [
        ({}, "--run"),
        ({"height": 100}, "--height 100: expected a multiple of 32, such as 96"),
        ({"width": 32}, "--width 32: expected a number from 64"),
        ({"start": "scratch"}, "--from scratch: expected one of patch, imagenet, random"),
        ({"start": "imagenet", "imagenet_run": "runs/x"}, "--imagenet-run"),
        ({"coordinator": "host"}, "HOST:PORT"),
    ],
)
def test_what_cannot_be_is_told_by_its_flag(given, said):
    with pytest.raises(UserError, match=said):
        resolve({"run": ["runs/a"], **given} if given else {})


def test_an_unknown_option_is_a_fault_of_the_caller():
    with pytest.raises(TypeError, match="backbone"):
        resolve({"run": ["runs/a"], "backbone": "vgg19"})


def test_a_resumed_run_may_be_elsewhere_but_not_another_one(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    before = recorded(resolve(GIVEN))
    now = resolve(GIVEN | {"output": "elsewhere", "resume": True, "device": "cpu"})
    assert differing(before, now, scored=True) == []
    flipped = resolve(GIVEN | {"test_time_flips": True})
    assert differing(before, flipped, scored=False) == []
    assert differing(before, flipped, scored=True) == ["test_time_flips was False, is True"]
    other = resolve(GIVEN | {"run": ["runs/a"]})
    assert [line.split()[0] for line in differing(before, other, scored=False)] == ["run"]


def test_the_command_repeats_the_run(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    kept = recorded(resolve(GIVEN))
    _, name, *words = shlex.split(config.command(kept))
    parsed = main.parser().parse_args([name, *words])
    again = resolve({key: value for key, value in vars(parsed).items() if key in config.NAMES})
    assert differing(kept, again, scored=True) == []
    assert "--from imagenet" in config.command(kept)


def test_the_sweep_can_be_had_on_demo_data():
    words = ["mammogram", "--run", "runs/a", "--sweep"]
    given = {k: v for k, v in vars(main.parser().parse_args(words)).items() if k in config.NAMES}
    asked = resolve(given)
    assert asked.demo
    assert not asked.no_sweep
    assert "--sweep" in shlex.split(config.command(recorded(asked)))
    assert "sweep" not in config.command(recorded(resolve({"run": ["runs/a"]})))


def test_an_option_is_read_as_a_person_reads_it():
    said = config.described(resolve(GIVEN))
    assert said["--from"] == "imagenet"
    assert said["--run"] == "runs/a, runs/b"
    assert said["--no-augmentation"] == "yes"
    assert said["--data-dir"] == "TFDS's own folder"
    assert set(said) == {flags.named(option) for option in config.OPTIONS}
