"""The data set stands on its own: without jaxcbis, and its releases without TFDS as well."""

import subprocess
import sys

import pytest

import tfds_cbis
from tests.absent import environment
from tests.tfds_cbis.healthy_release import SIZE


def run(code: str, *words, hidden: str) -> str:
    """Runs code in an interpreter that does not find the hidden packages; returns its output."""
    done = subprocess.run(
        [sys.executable, "-c", code, *map(str, words)], capture_output=True, text=True,
        env=environment() | {"JAXCBIS_ABSENT": hidden},
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    return done.stdout.strip()


READ = """
import importlib, pkgutil, sys
import tfds_cbis, tfds_cbis.release
for module in pkgutil.iter_modules(tfds_cbis.release.__path__, "tfds_cbis.release."):
    importlib.import_module(module.name)
with tfds_cbis.release.files.Release(sys.argv[1]) as release:
    lesions, dropped = release.lesions()
    for view in tfds_cbis.release.cases.views(lesions):
        image, _ = tfds_cbis.release.images.read_mammogram(release, view)
        for lesion in view.lesions:
            tfds_cbis.release.images.read_mask(release, lesion, image)
print(len(lesions), dropped, tfds_cbis.__all__, "pydicom" in sys.modules)
"""


def test_a_release_is_read_without_tfds_and_jaxcbis(healthy):
    assert run(READ, healthy.folder, hidden="tensorflow_datasets jaxcbis jax") == "32 [] [] False"


LOAD = """
import sys
{imports}
builder = tfds.builder("cbis_ddsm_patches/paper", data_dir=sys.argv[1])
print(len(builder.as_data_source("train")), "tensorflow" in sys.modules)
"""


@pytest.mark.parametrize("first", ["tensorflow_datasets", "tfds_cbis"])
def test_its_import_registers_it_before_or_after_that_of_tfds(healthy, tmp_path, first):
    builder = tfds_cbis.prepare(healthy.folder, data_dir=tmp_path, background_size=SIZE)
    imports = ["import tensorflow_datasets as tfds", "import tfds_cbis"]
    imports.sort(key=lambda line: first not in line)
    said = run(LOAD.format(imports="\n".join(imports)), tmp_path, hidden="jaxcbis tensorflow jax")
    assert said == f"{builder.info.splits['train'].num_examples} False"
