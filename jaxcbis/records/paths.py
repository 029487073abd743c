"""The paths that a command is given, looked at before JAX is loaded or anything computed."""

import os
from collections.abc import Iterable
from pathlib import Path

from jaxcbis.config import Config, is_exported
from jaxcbis.errors import MissingFileError, UserError
from jaxcbis.machine import files
from jaxcbis.records import results


def require_inputs(config: Config) -> None:
    """Checks the data, the folder of the prepared data set and the weights of a run.

    Raises:
      UserError: one of them is not there, or cannot be made.
    """
    require_data(config.data)
    if config.data_dir is not None and not is_exported(config.data):
        require_folder("--data-dir", Path(config.data_dir), to_write=False)
    require_weights([config.weights])


def require_inputs_of_run(config: Config) -> None:
    """The same of a run that is to be done; a finished one needs nothing any more.

    Raises:
      UserError: as of `require_inputs`.
    """
    if not results.are_finished(Path(config.output) / "results.json"):
        require_inputs(config)


def require_data(data: str | Path | None) -> None:
    """Checks at first sight that there are data.

    Args:
      data: of --data; None for the demo set.

    Raises:
      UserError: there are none.
    """
    if data is not None and not Path(data).exists():
        raise MissingFileError(f"--data {data}: does not exist; give a release or an exported .npz")


def require_weights(weights: Iterable[str]) -> None:
    """Checks at first sight that files of weights are there.

    Args:
      weights: of --weights, words that name no file among them.

    Raises:
      UserError: one is not.
    """
    for file in weights:
        if file not in ("imagenet", "random") and not Path(file).is_file():
            advice = "give imagenet, random or a file of PyTorch or Keras"
            if Path(file).is_dir():
                raise UserError(f"--weights {file}: is a folder; {advice}")
            raise MissingFileError(f"--weights {file}: does not exist; {advice}")


def require_file(flag: str, file: Path) -> None:
    """Makes the folder of a file that is to be written, and checks that it can be.

    Raises:
      UserError: it cannot.
    """
    if file.is_dir():
        raise UserError(f"{flag} {file}: is a folder; give a file")
    files.make_folder(file.parent, "choose another file")
    if not os.access(file if file.exists() else file.parent, os.W_OK):
        raise UserError(f"{flag} {file}: cannot be written; choose another file")


def require_folder(flag: str, folder: Path, *, to_write: bool = True) -> None:
    """Checks that a folder is there or can be made, which is left to who writes to it.

    Args:
      flag: that names it.
      folder: to look at.
      to_write: whether one that is there must be writable, too.

    Raises:
      UserError: it is not.
    """
    there = next(place for place in (folder, *folder.absolute().parents) if os.path.lexists(place))
    if not there.is_dir():
        raise UserError(f"{flag} {folder}: {there} is no folder; choose another one")
    if (to_write or there != folder) and not os.access(there, os.W_OK | os.X_OK):
        raise UserError(f"{flag} {folder}: {there} cannot be written to; choose another one")
