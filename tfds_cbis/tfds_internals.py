"""All of TFDS that is not public, for what its public interface has no way to do."""

import re
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import tensorflow_datasets as tfds

from tfds_cbis.errors import CbisError

#: TFDS must be older than this: the versions before were looked into. pyproject.toml has it too.
UNKNOWN = "4.10"


def _fault_of_version() -> str:
    """What is wrong with the version of TFDS; '' if nothing is."""
    there, unknown = (
        [int(number) for number in re.findall(r"\d+", version)[:2]]
        for version in (tfds.__version__, UNKNOWN)
    )
    if there < unknown:
        return ""
    return (
        f"tensorflow-datasets {tfds.__version__} is newer than tfds_cbis knows it; pip install "
        f"'tensorflow-datasets<{UNKNOWN}'"
    )


try:
    from google.protobuf.json_format import ParseError
    from tensorflow_datasets.core import constants, shuffle, writer
    from tensorflow_datasets.core.utils import temporary_assignment, tqdm_utils
    from tensorflow_datasets.proto import tf_example_pb2
except ImportError as error:
    if fault := _fault_of_version():
        raise ImportError(fault) from error
    raise

#: Where TFDS keeps its data sets if nobody says otherwise.
DATA_DIR = constants.DATA_DIR
#: What a builder raises whose prepared data set has damaged metadata.
DAMAGE = (ParseError, ValueError)


class LocalBuilder(tfds.core.GeneratorBasedBuilder, skip_registration=True):  # type: ignore[call-arg]
    """A builder that asks nothing of the network, needs no TensorFlow and writes stable bytes."""

    def download_and_prepare(self, **kwargs: Any) -> None:
        """Prepares as TFDS does.

        Raises:
          CbisError: there is something to prepare, and TFDS is newer than it is known here.
        """
        if not self.data_path.exists() and (fault := _fault_of_version()):
            raise CbisError(fault)
        # TFDS sorts the encoded records in memory, but spills over 1 GB through TensorFlow.
        with temporary_assignment(shuffle, "MAX_MEM_BUFFER_SIZE", 1 << 40):
            super().download_and_prepare(**kwargs)

    def local_info(self, **kwargs: Any) -> tfds.core.DatasetInfo:
        """`dataset_info_from_configs`, of a data set that is not in TFDS's own collection."""
        info = self.dataset_info_from_configs(**kwargs)
        # TFDS would ask the collection for the data set, and leave an empty temporary folder.
        info.initialize_from_bucket = _ask_nothing  # type: ignore[method-assign]
        return info

    def _log_download_bytes(self) -> None:
        """Nothing is downloaded: TFDS's remarks on it would only puzzle."""

    _log_download_done = _log_download_bytes

    def _example_writer(self) -> writer.ExampleWriter:
        return _StableWriter(self.info.file_format)


class _StableWriter(writer.ExampleWriter):
    """Serialises features by name: protobuf's own order of a map differs between processes."""

    def write(self, path, examples):
        stable = (
            (key, tf_example_pb2.Example.FromString(data).SerializeToString(deterministic=True))
            for key, data in examples
        )
        try:
            return super().write(path, stable)
        except RuntimeError as error:  # what ArrayRecord makes of a full disk
            raise OSError(str(error)) from error


def remove_unfinished(builder: tfds.core.DatasetBuilder) -> None:
    """Removes what a process that was killed left of the data set beside its place."""
    path = builder.data_path
    for left in path.parent.glob(f"{constants.INCOMPLETE_PREFIX}*_{path.name}"):
        left.rmtree()


@contextmanager
def without_bars() -> Iterator[None]:
    """TFDS shows no progress of its own."""
    with temporary_assignment(tqdm_utils, "_active", False):
        yield


def _ask_nothing() -> None:
    """In the place of a question to TFDS's collection."""
