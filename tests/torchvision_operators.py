"""Imports torchvision, also beside a CPU-only torch; must come before its first import elsewhere.

There torchvision's wheels lack operators that it registers gradients for on import.
"""

import torch

try:
    import torchvision
except RuntimeError:
    library = torch.library.Library("torchvision", "DEF")
    for name in ("nms", "qnms"):
        library.define(name + "(Tensor dets, Tensor scores, float iou_threshold) -> Tensor")
    import torchvision

__all__ = ["torchvision"]
