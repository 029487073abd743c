"""Packages that only a part of the program needs: where they are missing, the rest still runs."""

from importlib.util import find_spec

from jaxcbis.errors import UserError

#: What reading and preparing the TFDS data set takes; an exported .npz needs none of it.
TFDS = ("tensorflow-datasets", "array_record", "importlib_resources")

_MODULES = {"tensorflow-datasets": "tensorflow_datasets"}


def missing(*names: str) -> list[str]:
    """Which packages, as pip calls them, are not installed; imports none of them."""
    return [name for name in names if find_spec(_MODULES.get(name, name)) is None]


def require(what: str, *names: str, otherwise: str = "") -> None:
    """Checks that packages are installed, as pip calls them.

    Args:
      what: that needs them, for the message.
      otherwise: what else the user can do.

    Raises:
      UserError: one is not.
    """
    if absent := " ".join(missing(*names)):
        raise UserError(f"{what} needs what is not installed: pip install {absent}{otherwise}")
