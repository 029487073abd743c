"""Weights that were made for another input are told from those made for ours."""

import numpy as np
import pytest
from safetensors.numpy import save_file

from jaxcbis.models import backbones
from jaxcbis.models.weights import convention
from jaxcbis.models.weights.tables import IMAGENET_STD, from_bgr
from tests import weights_file

RNG = np.random.default_rng(0)
KERNEL = RNG.normal(0, 0.1, (7, 7, 3, 64)).astype(np.float32)


def seen(kernel, scale):
    """Variances of what a first convolution makes of noise of that deviation."""
    return np.square(kernel).sum((0, 1, 2)) * scale**2


@pytest.mark.parametrize(
    ("scale", "said"), [(58, "from pixels of 0..255"), (1, None), (0.25, None), (0.004, "0..1")]
)
def test_the_first_statistics_tell_the_scale_of_the_input(scale, said):
    smooth = np.abs(KERNEL)  # of noise alone, a filter of both signs sees less than of pictures
    found = convention.doubts(smooth, seen(smooth, scale) * 20, keras=False)
    assert [said in doubt for doubt in found] == [True] * (said is not None)
    # A filter that has died has no say.
    smooth = np.concatenate([smooth, 1e-6 * smooth], -1)
    variance = np.concatenate([seen(smooth[..., :64], scale) * 20, np.full(64, 1e-3)])
    assert len(convention.doubts(smooth, variance, keras=False)) == len(found)


@pytest.mark.parametrize("corner", convention.CAFFE_VGG)
def test_caffes_vgg_is_known(corner):
    kernel = RNG.normal(0, 0.2, (3, 3, 3, 64))
    assert not convention.doubts(kernel, None, keras=False)
    assert "Keras' own input is assumed" in convention.doubts(kernel, None, keras=True)[0]
    for order in (1, -1):
        kernel[0, 0, :, 0] = corner[::order] * 1.01  # as rounded or trained further
        assert "Caffe's VGG" in convention.doubts(kernel, None, keras=False)[0]
    kernel[0, 0, :, 0] = corner
    assert not convention.doubts(from_bgr(kernel), None, keras=True)


def test_a_first_convolution_of_0_to_255_is_weak():
    kernel = RNG.normal(0, 0.2, (3, 3, 3, 64)) / (255 * IMAGENET_STD)[:, None]
    (doubt,) = convention.doubts(kernel, None, keras=False)
    assert "so weak" in doubt


def test_doubts_are_notes_of_the_loaded_weights(tmp_path):
    arrays = weights_file.arrays("tiny")
    file = tmp_path / "caffe.safetensors"
    save_file(arrays, file)
    assert backbones.load("tiny", weights=str(file)).notes == []
    save_file(arrays | {"bn1.running_var": arrays["bn1.running_var"] * 255**2}, file)
    (note,) = backbones.load("tiny", weights=str(file)).notes
    assert str(file) in note
    assert "RGB normalised by ImageNet's mean and deviation" in note
