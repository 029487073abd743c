"""python -m benchmarks machine: what computes here, and how fast it multiplies matrices."""

import argparse
import shutil
import subprocess
import time

from benchmarks import hardware
from benchmarks.arguments import add_device, add_output, check
from benchmarks.speed import flops
from jaxcbis.commands.words import Parser
from jaxcbis.machine.console import say, warn
from jaxcbis.records.results import write

SCHEMA = 1
_QUERY = ("driver_version", "memory.total", "clocks.max.sm", "power.limit")
#: Seconds that NVIDIA's tool may take, which hangs where a driver does.
_TIMEOUT = 20


def main(arguments: list[str]) -> dict:
    """Prints what there is, and writes it if asked.

    Returns:
      {kind, schema, hardware, versions, start_s}: `hardware` also has `gpus`, a line each of
      NVIDIA's own tool, and `matmul_flops` by precision; `start_s` is what JAX needs for its first
      answer.

    Raises:
      UserError: bad usage, or no such device.
    """
    options = _parser().parse_args(arguments)
    check(options, {})
    began = time.perf_counter()
    platform = hardware.start(options.device)
    start_s = time.perf_counter() - began
    results = hardware.header("machine", SCHEMA)
    machine = results["hardware"]
    machine["gpus"] = _gpus()
    machine["matmul_flops"] = flops.precision_rates(platform)
    results["start_s"] = start_s
    if options.output:
        write(options.output, results)
    for name, value in (results["versions"] | machine).items():
        say(f"{name}: {value}")
    rates = (f"{name} {rate / 1e12:.3g}" for name, rate in machine["matmul_flops"].items())
    say(f"{machine['device']}: {', '.join(rates)} TFLOP/s; JAX starts in {start_s:.1f} s")
    return results


def _gpus() -> list[str]:
    """One line a GPU: name and what _QUERY asks for; empty where NVIDIA's tool does not tell."""
    tool = shutil.which("nvidia-smi")
    if tool is None:
        return []
    words = [tool, f"--query-gpu=name,{','.join(_QUERY)}", "--format=csv,noheader"]
    try:
        done = subprocess.run(words, capture_output=True, text=True, timeout=_TIMEOUT)
    except subprocess.TimeoutExpired:
        warn(f"nvidia-smi did not answer within {_TIMEOUT:g} s")
        return []
    return done.stdout.strip().splitlines()


def _parser() -> argparse.ArgumentParser:
    parser = Parser(
        prog="benchmarks machine",
        description=__doc__,
        formatter_class=argparse.ArgumentDefaultsHelpFormatter,
    )
    add_device(parser)
    add_output(parser)
    return parser
