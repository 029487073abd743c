"""A machine that has only what a training from an exported .npz needs.

`python -m tests.absent [EXTRA..]` prints what pip must install for one, for the tests that run
there and for extras.
"""

import os
from pathlib import Path

#: What is not needed, as pip calls it, and its modules.
NOT_NEEDED = {
    "tensorflow-datasets": "tensorflow_datasets",
    "array_record": "array_record",
    "importlib_resources": "importlib_resources",
    "pydicom": "pydicom",
    "huggingface_hub": "huggingface_hub",
    "tensorboardX": "tensorboardX",
    "shtab": "shtab",
    "python-gdcm": "gdcm",
    "apache-beam": "apache_beam",
    "torch": "torch",
    "torchvision": "torchvision",
    "grad-cam": "pytorch_grad_cam",
}


def environment(*modules: str) -> dict[str, str]:
    """Variables of a process that does not find modules, should they be installed.

    Args:
      modules: all of `NOT_NEEDED` if none are given.
    """
    folders = str(Path(__file__).resolve().parent), str(Path(__file__).resolve().parents[2])
    return os.environ | {
        "PYTHONPATH": os.pathsep.join(folders),
        "JAXCBIS_ABSENT": " ".join(modules or NOT_NEEDED.values()),
        "HF_HUB_OFFLINE": "1",
    }
