"""Transfer learning on CBIS-DDSM breast-lesion patches in JAX."""

from typing import TYPE_CHECKING, Any

from jaxcbis.errors import UserError
from jaxcbis.labels import LABELS

if TYPE_CHECKING:
    from jaxcbis.api import (
        Explanation,
        Finished,
        FinishedMammogram,
        MammogramExplanation,
        explain,
        export,
        load,
        mammogram,
        predict,
        read_image,
        save_patches,
        sweep,
        train,
    )

__version__ = "0.1.0"
__all__ = [
    "LABELS", "Explanation", "Finished", "FinishedMammogram", "MammogramExplanation", "UserError",
    "explain", "export", "load", "mammogram", "predict", "read_image", "save_patches", "sweep",
    "train",
]  # fmt: skip


def __getattr__(name: str) -> Any:
    """Loads JAX and the rest only for who asks for it."""
    if name not in __all__:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    from jaxcbis import api

    return getattr(api, name)


def __dir__() -> list[str]:
    """What is there to be used, whether it is loaded or not."""
    return [*__all__, "__version__"]
