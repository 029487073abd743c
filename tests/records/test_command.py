"""The command that repeats a run means the run's own options."""

import argparse
import dataclasses
import doctest
import shlex

import pytest

from jaxcbis import config as options
from jaxcbis.records import command as module
from jaxcbis.records.command import command


def parsed(line: str) -> options.Config:
    """What the program takes a command for."""
    parser = argparse.ArgumentParser()
    options.add_arguments(parser)
    program, name, *words = shlex.split(line)
    assert (program, name) == ("jaxcbis", "train")
    return options.resolve(vars(parser.parse_args(words)))


@pytest.mark.parametrize(
    "given",
    [
        {},
        {"backbone": "vgg19", "strategy": "s1", "seed": 3, "head": "pool", "cam_stage": "block4"},
        {"data": "/a folder/it's.zip", "protocol": "shifted", "windows": 5, "output_stride": 16},
        {"data": "/x/mine.npz", "head_lr": 1e-7, "backbone_lr": 1 / 3, "deterministic": True},
        {"data": "/x", "epochs": 10, "batch_size": 8, "weights": "/w/vgg 19.h5"},
        {"epochs": 50, "image_size": 224, "cam_method": "gradcam++", "look_weight": 0.3},
    ],
)
def test_it_means_the_options_of_the_run(given):
    config = options.resolve(given)
    again = parsed(command(options.recorded(config)))
    assert options.differing(options.recorded(config), vars(again), scored=True) == []


def test_nothing_but_the_model_and_what_differs_is_said():
    config = options.resolve({"data": "/x", "protocol": "clean", "device": "cpu", "output": "/o"})
    assert command(options.recorded(config)) == (
        "jaxcbis train --backbone resnet50 --strategy s2 --data /x --protocol clean"
    )


def test_options_that_another_version_recorded_are_no_obstacle():
    config = {"backbone": "vgg19", "strategy": "s1", "data": None, "note": "of tomorrow"}
    assert command(config) == "jaxcbis train --backbone vgg19 --strategy s1"


@pytest.mark.parametrize("name", sorted(options.NAMES - {*options.INCIDENTAL}))
def test_every_option_is_said_where_it_is_not_at_its_default(name):
    config = options.recorded(options.resolve({}))
    option = next(o for o in dataclasses.fields(options.Config) if o.name == name)
    meta = option.metadata
    simple = {bool: True, int: 17, float: 0.017}.get(meta["type"], "/x")
    others = [value for value in meta["choices"] or (simple,) if value != config[name]]
    assert f"--{name.replace('_', '-')}" in shlex.split(command(config | {name: others[-1]}))


def test_the_example_is_true():
    assert doctest.testmod(module).failed == 0
