"""Every option of a run, once: name, type, default, what is allowed and what it means."""

import argparse
import dataclasses
import os
from collections.abc import Collection, Mapping
from dataclasses import dataclass
from typing import Any

from jaxcbis import flags
from jaxcbis.designs import BACKBONES
from jaxcbis.errors import InvalidValueError
from jaxcbis.flags import option

STRATEGIES = ("s1", "s2")
PROTOCOLS = ("paper", "clean", "shifted")
#: By what --cam-method calls them, the names under which class activation maps are known.
CAM_METHODS = {
    "gradcam": "Grad-CAM",
    "gradcam++": "Grad-CAM++",
    "hirescam": "HiResCAM",
    "layercam": "LayerCAM",
    "scorecam": "Score-CAM",
}
#: For --coordinator: the address and the numbers are those of the cluster that started the process.
CLUSTER = "cluster"


@dataclass(frozen=True)
class Config:
    """The options of one run, as `resolve` settles them; what results.json records."""

    backbone: str = option("resnet50", "The pretrained network to start from", choices=BACKBONES)
    strategy: str = option(
        "s2", "How the network is trained: s1 unfreezes it stage by stage; s2 trains all but the "
        "frozen half at once", choices=STRATEGIES,
    )  # fmt: skip
    data: str | None = option(
        None, "The Kaggle release (its folder or archive.zip), the DICOM release, or a .npz file "
        "of prepare --export, whose protocol and image size are then the defaults", type=str,
        shown="the built-in demo set", metavar="PATH",
    )  # fmt: skip
    protocol: str = option(
        "paper", "How patches are cut, split and normalised: paper compares with the study, clean "
        "is the one to trust, shifted shows where the model looks", choices=PROTOCOLS,
    )  # fmt: skip
    windows: int | None = option(
        3, "The number of windows on each training lesion, under the shifted protocol", low=1,
        high=20,
    )  # fmt: skip
    weights: str = option(
        "imagenet", "What to start from: imagenet fetches ImageNet weights once, random starts "
        "untrained, and a FILE of PyTorch or Keras is read", metavar="FILE",
    )  # fmt: skip
    batch_size: int = option(16, "The number of patches in a training step", low=1, demo=8)
    head_lr: float = option(1e-4, "The learning rate of the head", low=0, demo=1e-3, metavar="X")
    backbone_lr: float = option(
        None, "The learning rate of the last stage", type=float, low=0, demo=3e-4,
        shown="3e-5, as in the paper; 3e-4 for resnet50 with s2", metavar="X",
    )  # fmt: skip
    lr_decay: float = option(
        0.3, "The factor by which the learning rate falls from each stage to the one in front of "
        "it", low=0, high=1, metavar="X",
    )  # fmt: skip
    epochs: int = option(50, "The most epochs that a phase may take", low=1, demo=10)
    patience: int = option(
        7, "The number of epochs without improvement that end a phase", low=1, demo=5
    )
    min_delta: float = option(
        0.01,
        "The smallest fall of the validation loss that counts as an improvement",
        low=0,
        metavar="X",
    )
    image_size: int = option(
        224, "The side of the model's input in pixels", low=32, high=512, demo=96
    )
    batch_norm: str = option(
        "frozen", "What BatchNorm uses in the stages that train: the statistics of each batch "
        "(train) or those stored with the weights (frozen)", choices=("train", "frozen"),
    )  # fmt: skip
    background_size: int | None = option(
        550, "The side of a background crop in pixels of the mammogram, under the paper protocol",
        low=8, demo=48,
    )  # fmt: skip
    seed: int = option(0, "The seed of the new head and of the order of the batches", low=0)
    output_stride: int = option(
        None, "The pixels of the image for each cell of the last stage. 16 dilates the last stage "
        "of a ResNet, whose maps then have 14 x 14 cells at 224 pixels", type=int, choices=(32, 16),
        shown="32 of a ResNet, always 16 of a VGG",
    )  # fmt: skip
    head: str = option(
        None, "What stands in front of the linear layer of a VGG: all its cells side by side "
        "(flatten) or their mean (pool)", type=str, choices=("flatten", "pool"),
        shown="flatten of a VGG, pool in the shifted protocol, always pool of a ResNet",
    )  # fmt: skip
    look_weight: float = option(
        0.0, "The weight of the localisation term in the loss, by which the true class's Grad-CAM "
        "at the last stage has to meet the lesion's mask. 0 is cross-entropy alone", low=0,
        metavar="X",
    )  # fmt: skip
    precision: str = option(
        "float32", "The number format that convolutions are computed in",
        choices=("float32", "bfloat16"),
    )  # fmt: skip
    device: str = option(
        "auto", "Where to compute: auto takes a GPU where JAX finds one",
        choices=("auto", "cpu", "gpu"),
    )  # fmt: skip
    deterministic: bool = option(
        False, "Use only operations that give the same bits twice on a GPU, which is slower"
    )
    coordinator: str | None = option(
        None, "The address of the first of several hosts, the same for all of them; 'cluster' "
        "takes everything from Slurm or Open MPI", type=str, shown="one host", metavar="HOST:PORT",
    )  # fmt: skip
    num_processes: int | None = option(
        None, "The number of processes, one for each host, that share the run", type=int, low=1,
        shown="1",
    )  # fmt: skip
    process_id: int | None = option(
        None, "Which of them this one is. 0 is at the coordinator's address and reports", type=int,
        low=0, shown="0", metavar="I",
    )  # fmt: skip
    cam_threshold: float = option(
        0.5,
        "The share of a map's maximum from which on a pixel counts as hot",
        low=0.01,
        high=1,
        metavar="X",
    )
    cam_method: str = option(
        "gradcam", "How class activation maps are made. scorecam takes a forward pass for each "
        "patch and channel of the stage: 512 channels in the last one, 2048 in resnet50's",
        choices=tuple(CAM_METHODS),
    )  # fmt: skip
    cam_stage: str | None = option(
        None, "The stage whose output is mapped: block1 to block5 of a VGG, stem or layer1 to "
        "layer4 of a ResNet", type=str, shown="the last one", metavar="STAGE",
    )  # fmt: skip
    output: str = option(
        None, "The folder of the results", type=str,
        shown="runs/<backbone>-<strategy>-<protocol>-seed<N>", metavar="DIR",
    )  # fmt: skip
    resume: bool = option(False, "Go on with the unfinished run in --output")
    data_dir: str | None = option(
        None,
        "Where the prepared data set is kept",
        type=str,
        shown="TFDS's own folder",
        metavar="DIR",
    )

    @property
    def demo(self) -> bool:
        """Whether the run is on the built-in demo data."""
        return self.data is None

    @property
    def centred(self) -> bool:
        """Whether lesions lie in the middle of their patches, where a blind map finds them."""
        return self.protocol != "shifted"


_OPTIONS = dataclasses.fields(Config)
NAMES = frozenset(each.name for each in _OPTIONS)

#: The headings under which --help has the options.
GROUPS = {
    "data": ("data", "protocol", "windows", "background_size", "data_dir"),
    "model": ("backbone", "weights", "image_size", "output_stride", "head"),
    "training": (
        "strategy", "batch_size", "head_lr", "backbone_lr", "lr_decay", "epochs", "patience",
        "min_delta", "batch_norm", "look_weight", "seed", "precision", "device", "deterministic",
    ),
    "maps": ("cam_method", "cam_stage", "cam_threshold"),
    "output": ("output", "resume"),
    "several hosts": ("coordinator", "num_processes", "process_id"),
}  # fmt: skip

#: Options that say where and how a run is computed, not what: a resumed run may change them.
INCIDENTAL = (
    "resume", "output", "data_dir", "device", "coordinator", "num_processes", "process_id",
)  # fmt: skip
#: Options on which no training hangs, only the figures that follow it.
SCORING = ("cam_threshold", "cam_method", "cam_stage")
#: Options whose default hangs on the backbone.
BY_BACKBONE = ("output_stride", "head")
#: Options that say how patches are cut, and the only protocol that does so: of background, the
#: others take the size from the lesions. Neither cuts what comes from a file of patches.
_USED_UNDER = {"background_size": "paper", "windows": "shifted"}
#: Options whose value may be a path.
_PATHS = ("data", "weights")


def is_exported(data: object) -> bool:
    """Whether data are a file of patches that `prepare --export` has cut already, by its name."""
    return str(data).lower().endswith(".npz")


def described(config: Config) -> dict[str, str]:
    """The options by their flags, as a person reads them."""
    return {
        flags.named(each.name): "not used"
        if each.name in _USED_UNDER and getattr(config, each.name) is None
        else flags.text(each, getattr(config, each.name))
        for each in _OPTIONS
    }


def recorded(config: Config) -> dict[str, Any]:
    """The options as results keep them: with paths that mean the same in another folder."""
    return {key: absolute(key, value) for key, value in dataclasses.asdict(config).items()}


def absolute(key: str, value: Any) -> Any:
    """The value of an option; a path that hangs on no folder, where it is one."""
    if key not in _PATHS or not isinstance(value, str) or value in ("imagenet", "random"):
        return value
    return os.path.abspath(value)


def differing(before: Mapping[str, Any], now: Mapping[str, Any], *, scored: bool) -> list[str]:
    """In what options differ from those that an earlier run recorded, in words.

    One that its version did not have counts as its default; those in INCIDENTAL do not count, nor
    does another spelling of one path from the same folder.

    Args:
      before, now: options by field name.
      scored: whether the run has its figures, so that those in SCORING count, too.
    """
    defaults = flags.defaults(_OPTIONS, demo=False)
    was = defaults | {"backbone": None} | dict(before)  # a study has several, and names none
    _settle(was)
    free = INCIDENTAL if scored else (*INCIDENTAL, *SCORING)
    return [
        f"{key} was {was.get(key)}, is {value}"
        for key, value in now.items()
        if key not in free and not _same(key, was.get(key), value)
    ]


def _same(key: str, was: Any, now: Any) -> bool:
    if key in _PATHS and isinstance(was, dict) and isinstance(now, dict):  # a study's weights
        return was.keys() == now.keys() and all(_same(key, was[name], now[name]) for name in now)
    if key in _PATHS and isinstance(was, str) and isinstance(now, str):
        return was == now or os.path.realpath(was) == os.path.realpath(now)
    return was == now


def add_arguments(parser: argparse.ArgumentParser, names: Collection[str] = NAMES) -> None:
    """Adds options of a run to a parser in the groups of GROUPS; its result leaves out unset ones.

    Args:
      parser: to add to.
      names: of the options.
    """
    flags.add_arguments(parser, _OPTIONS, GROUPS, names)


def resolve(given: Mapping[str, Any]) -> Config:
    """Fills in what the user left open.

    Args:
      given: options by field name; `unused` tells which of them change nothing.

    Returns:
      The whole Config. `data` is None for the demo set, `data_dir` for TFDS's own folder,
      `background_size` where no crops of that size are cut, `cam_stage` for the last stage, and
      what tells of other hosts where there are none.

    Raises:
      UserError: a value is out of its bounds, or not among its choices.
      TypeError: there is no such option.
    """
    if unknown := sorted(given.keys() - NAMES):
        raise TypeError(f"no such option: {', '.join(unknown)}")
    values = flags.defaults(_OPTIONS, demo=given.get("data") is None) | dict(given)
    for each in _OPTIONS:
        flags.check(each, values[each.name])
    _settle(values)
    _check_design(values)
    config = Config(**values)
    check_hosts(config.coordinator, config.num_processes, config.process_id)
    return config


def _settle(values: dict[str, Any]) -> None:
    """Fills in defaults that hang on other options; on a backbone only if there is but one."""
    if backbone := values.get("backbone"):
        defaults = {
            "backbone_lr": 3e-4 if (backbone, values["strategy"]) == ("resnet50", "s2") else 3e-5,
            "output": "runs/{backbone}-{strategy}-{protocol}-seed{seed}".format(**values),
            **{key: choices[0] for key, choices in BACKBONES[backbone].choices.items()},
        }
        if values["protocol"] == "shifted":
            defaults["head"] = "pool"  # which every backbone has, and which looks alike anywhere
        values |= {key: default for key, default in defaults.items() if values[key] is None}
    for key, protocol in _USED_UNDER.items():
        if values["protocol"] != protocol or is_exported(values["data"]):
            values[key] = None


def unused(given: Mapping[str, Any], config: Config) -> list[str]:
    """A line for each option that was given and changes nothing, with the reason.

    Args:
      given: options by field name, as the user gave them.
      config: what they came to.
    """
    lines = []
    for key, protocol in _USED_UNDER.items():
        if given.get(key) is not None and getattr(config, key) is None:
            why = (
                f"it counts only under --protocol {protocol}"
                if config.protocol != protocol
                else f"the patches of {config.data} are cut already"
            )
            lines.append(f"{flags.named(key)} {given[key]} is not used: {why}")
    return lines


def _check_design(values: dict[str, Any]) -> None:
    for key, choices in BACKBONES[values["backbone"]].choices.items():
        if values[key] not in choices:
            raise InvalidValueError(
                f"{flags.named(key)} {values[key]}: {values['backbone']} has "
                f"{' or '.join(map(str, choices))} only"
            )


def check_hosts(coordinator: str | None, count: int | None, number: int | None) -> None:
    """Checks what is said of other hosts.

    Raises:
      InvalidValueError: --coordinator, --num-processes and --process-id do not fit together.
    """
    if coordinator is None or coordinator == CLUSTER:
        if (count, number) != (None, None):
            raise InvalidValueError(
                "--num-processes and --process-id: expected only with --coordinator HOST:PORT"
            )
        return
    host, _, port = coordinator.rpartition(":")
    if not host or not port.isdigit() or not 0 < int(port) < 2**16:
        raise InvalidValueError(
            f"--coordinator {coordinator}: expected HOST:PORT, or {CLUSTER} in a job of "
            "Slurm or Open MPI"
        )
    if count is None or number is None or number >= count:
        raise InvalidValueError(
            f"--coordinator {coordinator}: expected --num-processes N and --process-id I "
            f"below N, got {count} and {number}"
        )
