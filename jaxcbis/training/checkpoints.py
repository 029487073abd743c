"""Checkpoints by orbax: where training stands, and the finished model."""

from pathlib import Path
from typing import Any

import jax
import orbax.checkpoint as ocp

from jaxcbis import files
from jaxcbis.errors import UserError
from jaxcbis.models.inference import Variables

TRAINING = "training"
MODEL = "model"
#: Bytes that a checkpoint's folders and its files other than the arrays take at most.
OVERHEAD = 2**20


def open_manager(folder: Path) -> ocp.CheckpointManager:
    """Opens the checkpoints of a run in training; only the newest one is kept.

    Raises:
      UserError: their folder cannot be made.
    """
    files.make_folder(folder / TRAINING)
    options = ocp.CheckpointManagerOptions(
        max_to_keep=1,
        enable_async_checkpointing=False,
        cleanup_tmp_directories=True,  # the parts that a kill or a full disk left behind
    )
    return ocp.CheckpointManager((folder / TRAINING).absolute(), options=options)


def require_space(folder: Path, arrays: Any) -> None:
    """Checks that the disk has room for one more checkpoint.

    To be asked before orbax writes: its threads print a traceback each where they cannot.

    Args:
      folder: of the checkpoints; exists.
      arrays: what a checkpoint holds.

    Raises:
      UserError: it has not, or cannot be written.
    """
    needed = sum(leaf.nbytes for leaf in jax.tree.leaves(arrays)) + OVERHEAD
    try:
        files.reserve(folder, needed)
    except OSError as error:
        raise UserError(
            f"no room for a checkpoint in {folder}: it takes {needed / 2**20:.0f} MiB "
            f"({error.strerror or error}); free space there and use --resume, or choose another "
            "--output"
        ) from error


def save(manager: ocp.CheckpointManager, arrays: Any, progress: dict) -> None:
    """Saves where training stands; a kill while it does leaves the checkpoint before it.

    Args:
      manager: of `open_manager`.
      arrays: any tree of arrays.
      progress: JSON values.

    Raises:
      UserError: the disk is full or cannot be written.
    """
    require_space(Path(manager.directory), arrays)
    step = (manager.latest_step() or 0) + 1
    items = ocp.args.Composite(
        arrays=ocp.args.StandardSave(arrays), progress=ocp.args.JsonSave(progress)
    )
    try:
        manager.save(step, args=items)
    except (OSError, ValueError) as error:  # tensorstore reports a full disk as a ValueError
        raise UserError(
            f"cannot write a checkpoint in {manager.directory}: {_first_line(error)}; "
            "free space there and use --resume"
        ) from error


def read_progress(manager: ocp.CheckpointManager) -> dict | None:
    """The progress last saved, or None if nothing was."""
    step = manager.latest_step()
    if step is None:
        return None
    items = ocp.args.Composite(progress=ocp.args.JsonRestore())
    return manager.restore(step, args=items).progress


def read_arrays(manager: ocp.CheckpointManager, like: Any) -> Any:
    """The arrays last saved.

    Args:
      manager: of `open_manager`, with something saved.
      like: a tree of the same structure, shapes and types.

    Raises:
      UserError: the checkpoint is damaged or of another model.
    """
    items = ocp.args.Composite(arrays=ocp.args.StandardRestore(like))
    try:
        return _placed(manager.restore(manager.latest_step(), args=items).arrays)
    except Exception as error:  # orbax and tensorstore raise many kinds
        raise UserError(
            f"cannot read the checkpoint in {manager.directory}: {_first_line(error)}; "
            "start again with another --output"
        ) from error


def save_model(folder: Path, variables: Variables) -> None:
    """Saves a finished model's parameters and statistics.

    Raises:
      UserError: the disk is full or cannot be written.
    """
    path = (folder / MODEL).absolute()
    require_space(folder, variables)
    try:
        with ocp.StandardCheckpointer() as checkpointer:
            checkpointer.save(path, variables._asdict(), force=True)
    except (OSError, ValueError) as error:  # tensorstore reports a full disk as a ValueError
        raise UserError(
            f"cannot write the model to {path}: {_first_line(error)}; free space and use --resume"
        ) from error


def load_model(folder: Path, like: Variables) -> Variables:
    """Reads what `save_model` wrote.

    Args:
      folder: `checkpoints` of a finished run.
      like: variables of the same structure, shapes and types.

    Raises:
      UserError: there is no such model, it is damaged or it is another one.
    """
    path = (folder / MODEL).absolute()
    try:
        with ocp.StandardCheckpointer() as checkpointer:
            return Variables(**_placed(checkpointer.restore(path, like._asdict())))
    except Exception as error:  # orbax and tensorstore raise many kinds
        raise UserError(f"cannot read the model in {path}: {_first_line(error)}") from error


def _placed(arrays: Any) -> Any:
    """Arrays as a new run has them: orbax ties its own to a device, and jit would compile anew."""
    return jax.device_put(jax.device_get(arrays))


def _first_line(error: Exception) -> str:
    return str(error).strip().splitlines()[0] if str(error).strip() else type(error).__name__
