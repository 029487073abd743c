"""Checkpoints by orbax: where training stands, and the finished model."""

from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import Any

import jax
import numpy as np
import orbax.checkpoint as ocp

from jaxcbis.errors import AGAIN, MissingFileError, UserError, first_line
from jaxcbis.machine import files, hosts, sharding
from jaxcbis.models.model import Model

TRAINING = "training"
MODEL = "model"
#: Bytes that a checkpoint's folders and its files other than the arrays take at most.
OVERHEAD = 2**20
#: What to do about a checkpoint of training that cannot be used.
RESTART = "start again with another --output"


def open_manager(folder: Path, *, clean: bool = True) -> ocp.CheckpointManager:
    """Opens the checkpoints of a run in training; only the newest one is kept.

    Args:
      folder: of the run's checkpoints.
      clean: removes the parts that a kill or a full disk left behind, in a thread; not for who only
        reads, and may be done before that thread is.

    Raises:
      UserError: their folder cannot be made.
    """
    files.make_folder(folder / TRAINING)
    options = ocp.CheckpointManagerOptions(
        max_to_keep=1,
        enable_async_checkpointing=False,
        cleanup_tmp_directories=clean,
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
    if not hosts.first():
        return
    needed = sum(leaf.nbytes for leaf in jax.tree.leaves(arrays)) + OVERHEAD
    try:
        files.reserve(folder, needed)
    except OSError as error:
        raise UserError(
            f"no room for a checkpoint in {folder}: it takes {needed / 2**20:.0f} MiB "
            f"({error.strerror or error}); free space there and {AGAIN}, or choose another "
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
        arrays=ocp.args.StandardSave(_plain(arrays)), progress=ocp.args.JsonSave(progress)
    )
    try:
        manager.save(step, args=items)
        _seal(Path(manager.directory) / str(step))
    except (OSError, ValueError) as error:  # tensorstore reports a full disk as a ValueError
        raise UserError(
            f"cannot write a checkpoint in {manager.directory}: {first_line(error)}; "
            f"free space there and {AGAIN}"
        ) from error


def read_progress(manager: ocp.CheckpointManager) -> dict | None:
    """The progress last saved, or None if nothing was.

    Raises:
      UserError: the checkpoint is damaged.
    """
    step = manager.latest_step()
    if step is None:
        return None
    folder = Path(manager.directory) / str(step)
    _require_whole(folder, RESTART)
    items = ocp.args.Composite(progress=ocp.args.JsonRestore())
    try:
        return manager.restore(step, args=items).progress
    except Exception as error:  # orbax raises many kinds
        raise _unreadable(folder, first_line(error), RESTART) from error


def read_arrays(manager: ocp.CheckpointManager, like: Any) -> Any:
    """The arrays last saved.

    Args:
      manager: of `open_manager`, with something saved that `read_progress` has read.
      like: a tree of the same structure, shapes and types.

    Raises:
      UserError: the checkpoint is damaged, of another model, or holds no finite numbers.
    """
    step = manager.latest_step()
    folder = Path(manager.directory) / str(step) / "arrays"

    def restore(target: Any) -> Any:
        items = ocp.args.Composite(arrays=ocp.args.StandardRestore(target))
        return manager.restore(step, args=items).arrays

    return _read(folder, like, restore, RESTART)


def save_model(folder: Path, model: Model) -> None:
    """Saves a finished model's parameters and statistics.

    Raises:
      UserError: the disk is full or cannot be written.
    """
    path = (folder / MODEL).absolute()
    require_space(folder, model)
    try:
        with ocp.StandardCheckpointer() as checkpointer:
            checkpointer.save(path, _plain(model), force=True)
        _seal(path)
    except (OSError, ValueError) as error:  # tensorstore reports a full disk as a ValueError
        raise UserError(
            f"cannot write the model to {path}: {first_line(error)}; free space and {AGAIN}"
        ) from error


def load_model(folder: Path, like: Model) -> Model:
    """Reads what `save_model` wrote.

    Args:
      folder: `checkpoints` of a finished run.
      like: a model of the same architecture.

    Raises:
      UserError: there is no such model, it is damaged or it is another one.
    """
    path = (folder / MODEL).absolute()
    advice = "train it again"
    if not path.is_dir():
        raise _unreadable(path, "no such folder", advice, MissingFileError)
    _require_whole(path, advice)
    with ocp.StandardCheckpointer() as checkpointer:
        return _read(path, like, partial(checkpointer.restore, path), advice)


def _plain(tree: Any) -> Any:
    """A tree with a mapping in place of each model, which is how models lie in files."""

    def is_model(node: Any) -> bool:
        return isinstance(node, Model)

    def plain(node: Any) -> Any:
        return {"params": node.params, "stats": node.stats} if is_model(node) else node

    return jax.tree.map(plain, tree, is_leaf=is_model)


def _seal(folder: Path) -> None:
    """Seals what all hosts have written, before any of them goes on."""
    hosts.wait_for_all("written")
    if hosts.first():
        files.seal(folder)


def _read(folder: Path, like: Any, restore: Callable[[Any], Any], advice: str) -> Any:
    """What `restore` gives of a tree of arrays, if the folder holds some like those expected."""
    wanted, arrays = _named(_plain(like)), {}
    try:
        # Asked first, because orbax fills the screen where it reads what does not fit.
        found = ocp.StandardCheckpointHandler().metadata(folder)
        differing = _differences(found, wanted)
        if not differing:
            # In the tree of the file, which another version may have built of other containers.
            target = jax.tree_util.tree_map_with_path(lambda path, _: wanted[_name(path)], found)
            arrays = _named(jax.device_get(restore(target)))
    except Exception as error:  # orbax and tensorstore raise many kinds
        raise _unreadable(folder, first_line(error), advice) from error
    if differing:
        raise _unreadable(folder, f"it is of another model ({differing})", advice)
    wild = [name for name in wanted if not np.isfinite(arrays[name]).all()]
    if wild:
        raise _unreadable(folder, f"not finite numbers: {_few(wild)}", advice)
    # Placed as a new run's: orbax ties its own to a device, and jit would compile anew.
    leaves = [arrays[name] for name in wanted]
    return sharding.on_all(jax.tree.unflatten(jax.tree.structure(like), leaves))


def _differences(found: Any, wanted: dict[str, Any]) -> str:
    """In what the arrays of a checkpoint differ from those expected, in words; '' if in nothing."""
    there = _named(found)
    shapes = [
        f"{name} is {tuple(there[name].shape)}, expected {np.shape(wanted[name])}"
        for name in wanted
        if name in there and tuple(there[name].shape) != np.shape(wanted[name])
    ]
    kinds = {
        "missing": [name for name in wanted if name not in there],
        "unexpected": [name for name in there if name not in wanted],
        "of another shape": shapes,
    }
    return "; ".join(f"{kind}: {_few(names)}" for kind, names in kinds.items() if names)


def _named(tree: Any) -> dict[str, Any]:
    """Leaves by path; tuples with names and mappings of these names have the same paths."""
    paths, _ = jax.tree_util.tree_flatten_with_path(tree)
    return {_name(path): leaf for path, leaf in paths}


def _name(path: Any) -> str:
    return jax.tree_util.keystr(path, simple=True, separator="/")


def _few(names: list[str]) -> str:
    return ", ".join(names[:3]) + (f" and {len(names) - 3} more" if len(names) > 3 else "")


def _require_whole(folder: Path, advice: str) -> None:
    try:
        damage = files.damage(folder)
    except OSError as error:
        raise _unreadable(folder, str(error.strerror or error), advice) from error
    if damage:
        raise _unreadable(folder, f"it is damaged, {damage}", advice)


def _unreadable(
    folder: Path, reason: str, advice: str, kind: type[UserError] = UserError
) -> UserError:
    return kind(f"cannot read the checkpoint in {folder}: {reason}; {advice}")
