"""The model card says what a run was made from, what it is for, and whose the parts are."""

import pytest

from jaxcbis.config import PROTOCOLS
from jaxcbis.report.page import model_card
from tests.report.example_run import results as example


def card(**changes) -> dict[str, str]:
    return dict(model_card.of(example() | changes))


def test_it_says_what_a_reader_has_to_know():
    found = card()
    assert "not a medical device" in found["Not for"]
    assert found["Training data"].startswith("CBIS-DDSM: 120 patches of 60 patients (")
    assert "BENIGN_Mass" in found["Training data"]
    assert "not on whole mammograms" in found["Limits"]
    assert "one seed" in found["Limits"]


@pytest.mark.parametrize("protocol", PROTOCOLS)
def test_every_protocol_has_its_limits(protocol):
    config = example()["config"] | {"protocol": protocol}
    assert model_card._LIMITS[protocol] in card(config=config)["Limits"]


def test_classes_that_were_not_tested_are_named():
    found = dict(model_card.of(example(absent=(1, 3))))
    assert "not tested on BENIGN_Calc and MALIGNANT_Calc." in found["Limits"]


@pytest.mark.parametrize(
    ("weights", "form", "backbone", "said"),
    [
        ("imagenet", "torchvision-safetensors", "resnet50", "torchvision's"),
        ("/x/r.h5", "keras-h5", "resnet50", "that of r.h5; Keras' own ResNet50 weights: MIT"),
        ("/x/v.keras", "keras-archive", "vgg19", "that of v.keras; Keras' own VGG weights: CC BY"),
        ("random", "random", "vgg19", "none"),
    ],
)
def test_weights_have_the_licence_of_those_who_made_them(weights, form, backbone, said):
    config = example(backbone=backbone)["config"] | {"weights": weights}
    found = card(config=config, weights={"source": weights, "format": form})
    assert found["Licence of the weights"].startswith(said)


def test_data_have_the_licence_of_those_who_made_them():
    data = example()["data"]
    assert "CC BY 3.0" in card()["Licence of the data"]
    assert "digitised film" in card()["Limits"]
    own = card(data=data | {"name": "mine"})
    assert own["Licence of the data"] == "that of the file's owner"
    assert "digitised film" not in own["Limits"]
    assert "none" in card(data=data | {"source": "demo"})["Licence of the data"]


def test_an_unfinished_run_has_one():
    assert card(test=None, data=None, weights=None)["Training data"] == "–"
