"""torchvision-trained ImageNet weights from the Hugging Face hub, kept in its cache."""

from pathlib import Path

from jaxcbis.errors import UserError
from jaxcbis.machine import packages

FILE = "model.safetensors"
PATIENCE_S = 5.0


class WeightsUnavailable(UserError):
    """ImageNet weights are neither cached nor to be had from the hub."""


def repository(name: str) -> str:
    """The hub's repository of a backbone's weights."""
    return f"timm/{name}.tv_in1k"


def fetch(name: str, *, offline: bool = False) -> Path:
    """Finds the weights of a backbone in the cache, else fetches them.

    Args:
      name: a backbone.
      offline: look in the cache only, as with HF_HUB_OFFLINE=1.

    Returns:
      Path of a .safetensors file with torchvision's names.

    Raises:
      WeightsUnavailable: not cached, and offline or not reached within seconds; or
        huggingface_hub is not installed.
    """
    if packages.missing("huggingface_hub"):
        raise _unavailable(name, "pip install huggingface_hub")
    from huggingface_hub import get_hf_file_metadata, hf_hub_download, hf_hub_url
    from huggingface_hub.errors import LocalEntryNotFoundError

    repo = repository(name)
    try:
        return Path(hf_hub_download(repo, FILE, local_files_only=True))
    except LocalEntryNotFoundError:
        if offline:
            raise _unavailable(name, "not cached, and offline") from None
    try:
        # The download itself would try for half a minute to reach a host that is not there.
        get_hf_file_metadata(hf_hub_url(repo, FILE), timeout=PATIENCE_S)
        return Path(hf_hub_download(repo, FILE))
    except Exception as error:  # network libraries raise kinds of their own
        raise _unavailable(name, " ".join(f"{type(error).__name__}: {error}".split())) from error


def _unavailable(name: str, reason: str) -> WeightsUnavailable:
    return WeightsUnavailable(
        f"ImageNet weights {repository(name)} are unavailable ({reason}): connect once, or give "
        "--weights FILE (.safetensors, .pth, .h5 or .keras), or --weights random"
    )
