"""The backbones by name, described without JAX: a command line knows them before JAX is there.

One that is added to BACKBONES can be trained, asked, exported and chosen on the command line.
"""

from itertools import accumulate
from typing import NamedTuple


class VGGDesign(NamedTuple):
    """A VGG without BatchNorm.

    Attributes:
      depths: convolutions of each block.
      widths: channels of each block.
      pooled: side of the average pool in front of the classifier.
    """

    depths: tuple[int, ...]
    widths: tuple[int, ...] = (64, 128, 256, 512, 512)
    pooled: int = 7

    @property
    def choices(self) -> dict[str, tuple]:
        """Values of the options of a model, the default first."""
        return {"output_stride": (16,), "head": ("flatten", "pool")}

    @property
    def stages(self) -> tuple[str, ...]:
        """Names of the stages from the input on, without the head."""
        return tuple(f"block{i}" for i in range(1, len(self.depths) + 1))

    @property
    def frozen(self) -> tuple[str, ...]:
        """Stages of the frozen half."""
        return _half(self.stages, self.depths)


class ResNetDesign(NamedTuple):
    """A residual network.

    Attributes:
      depths: residual blocks of each stage behind the stem.
      convolutions: of a residual block: two 3x3 ones, or three in a bottleneck.
      widths: channels of each stage's 3x3 convolutions.
      stem: channels of the stem.
    """

    depths: tuple[int, ...]
    convolutions: int
    widths: tuple[int, ...] = (64, 128, 256, 512)
    stem: int = 64

    @property
    def choices(self) -> dict[str, tuple]:
        """Values of the options of a model, the default first."""
        return {"output_stride": (32, 16), "head": ("pool",)}

    @property
    def stages(self) -> tuple[str, ...]:
        """Names of the stages from the input on, without the head."""
        return ("stem", *(f"layer{i}" for i in range(1, len(self.depths) + 1)))

    @property
    def frozen(self) -> tuple[str, ...]:
        """Stages of the frozen half."""
        return _half(self.stages, (1, *(depth * self.convolutions for depth in self.depths)))


Design = VGGDesign | ResNetDesign

BACKBONES: dict[str, Design] = {
    "vgg16": VGGDesign((2, 2, 3, 3, 3)),
    "vgg19": VGGDesign((2, 2, 4, 4, 4)),
    "resnet34": ResNetDesign((3, 4, 6, 3), convolutions=2),
    "resnet50": ResNetDesign((3, 4, 6, 3), convolutions=3),
}


def _half(stages: tuple[str, ...], convolutions: tuple[int, ...]) -> tuple[str, ...]:
    """Stages up to the boundary nearest to half of the convolutions, given those of each stage."""
    behind = list(accumulate(convolutions))
    nearest = min(range(len(stages)), key=lambda i: abs(behind[i] - behind[-1] / 2))
    return stages[: nearest + 1]
