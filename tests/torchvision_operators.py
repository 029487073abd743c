"""Lets torchvision be imported beside a CPU-only torch; must come before its first import.

torchvision registers gradients for operators that its wheels lack there.
"""

import sys

import torch

if "torchvision" not in sys.modules:
    library = torch.library.Library("torchvision", "DEF")
    for name in ("nms", "qnms"):
        library.define(name + "(Tensor dets, Tensor scores, float iou_threshold) -> Tensor")
