"""Backbones that compile in a second, for tests of all that is the same for every backbone.

Importing this registers them: `--backbone tiny` has BatchNorm, `tiny_vgg` has none.
"""

from jaxcbis.designs import BACKBONES, ResNetDesign, VGGDesign

#: Of an image, in pixels.
SIZE = 32

NAMES = ("tiny", "tiny_vgg")
#: Its last stage has 4 x 4 pixels; stem and layer1 are the frozen half.
BACKBONES["tiny"] = ResNetDesign((1, 1), convolutions=2, widths=(8, 16), stem=8)
#: Its last stage has 16 x 16 pixels; block1 is the frozen half.
BACKBONES["tiny_vgg"] = VGGDesign((1, 1), widths=(8, 8), pooled=2)
