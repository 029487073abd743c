"""Options of `pytest benchmarks/`, as those of `python -m benchmarks`."""

from jaxcbis.designs import BACKBONES


def pytest_addoption(parser):
    group = parser.getgroup("benchmarks")
    group.addoption("--models", nargs="+", choices=BACKBONES, default=["vgg19", "resnet50"])
    group.addoption("--batch", type=int, default=16)
    group.addoption("--image-size", type=int, default=224)
    group.addoption("--images", type=int, default=64, help="training patches of an epoch")


def pytest_generate_tests(metafunc):
    if "model" in metafunc.fixturenames:
        metafunc.parametrize("model", metafunc.config.getoption("--models"), scope="module")
