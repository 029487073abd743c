"""The same rows in PyTorch, as a good user of it runs them; imports no JAX.

All cores, frozen stages in evaluation mode and without gradient, bfloat16 autocast on a GPU. Per
row `channels_last`, fused Adam and `torch.compile`, on a GPU also its modes with CUDA graphs, are
tried in turn and kept where they win.
"""

import copy
import itertools
import logging
import time
import warnings
from collections.abc import Callable
from pathlib import Path
from typing import Any, NamedTuple

import cv2
import numpy as np
import torch
from torch import nn
from torch.nn import functional as F

from benchmarks import measure
from benchmarks.measure import (
    GPU_STEPS,
    Late,
    Skipped,
    Task,
    Work,
    deadline,
    is_out_of_memory,
)
from benchmarks.peer.models import build, on_device, on_host, stages, to_tensor

Draw = Callable[[Work, np.random.Generator], tuple[np.ndarray, np.ndarray]]


#: Modes of torch.compile. A GPU has CUDA graphs, which win most often and so come first.
MODES = {"cpu": ("default",), "cuda": ("reduce-overhead", "default", "max-autotune")}
#: Calls before a compiled model is at its speed: CUDA graphs are recorded in the second one.
_WARM_UP = {"": 1, "default": 1, "reduce-overhead": 3, "max-autotune": 3}


class Settings(NamedTuple):
    """What may or may not make PyTorch faster; `compiled` is '' or a mode."""

    channels_last: bool = False
    fused: bool = False
    compiled: str = ""

    def __str__(self) -> str:
        names = {"channels_last": "channels_last", "fused": "fused Adam"}
        given = [text for field, text in names.items() if getattr(self, field)]
        return ", ".join(given + ([_mode(self.compiled)] if self.compiled else [])) or "eager"


def _mode(compiled: str) -> str:
    return "compiled" if compiled == "default" else f"compiled ({compiled})"


class Torch:
    """PyTorch on one device, and the settings found for the works seen so far.

    Args:
      platform: 'cpu' or 'gpu'.
      draw, draw_splits: inputs, see `rows`.
      seconds: that looking for the fastest settings of a row may take, compiling included.
      note: takes a line that the user must read.

    Attributes:
      fixed: settings to use in place of the fastest, which then are not looked for.
    """

    fixed: Settings | None = None

    def __init__(self, platform: str, draw: Draw, draw_splits: Callable, seconds: float, note):
        self.device = torch.device("cuda" if platform == "gpu" else "cpu")
        self.draw, self.draw_splits, self.seconds, self.note = draw, draw_splits, seconds, note
        self.found: dict[tuple[str, str], Settings] = {}
        self.drawn: tuple[Work, list] | None = None  # the batches last put on a GPU
        self.version = str(torch.__version__)
        use_machine()

    def task(self, work: Work, model: nn.Module | None = None) -> Task:
        """The peer of a row that measures one process from within.

        Args:
          work: of the row.
          model: to run on a copy of; a new one by default.
        """
        model = build(work.model) if model is None else model
        if work.row in ("s1_run", "s2_epoch"):
            return self.epochs(work, model)
        make = {"forward": self.forward, "gradcam": self.library_cam}.get(
            work.row, self.head_only_cam if work.row.startswith("gradcam") else self.step
        )
        settings = self.tune(work, model, make)
        name = f"PyTorch {self.version}, {settings}"
        if work.row == "gradcam":
            from importlib.metadata import version

            name = f"pytorch-grad-cam {version('grad-cam')}, {settings}"
        return make(work, model, settings)._replace(name=name)

    def tune(self, work: Work, model: nn.Module, make: Callable[..., Task]) -> Settings:
        """The fastest settings, found one after the other; kept for works that differ in row only.

        The first candidate always counts; one that comes too late, or that this machine cannot
        compile, is left out and reported.
        """
        if self.fixed is not None:
            return self.fixed
        key = (make.__name__, str(work._replace(row="", images=0, epochs=1)))
        if key in self.found:
            return self.found[key]
        rng = np.random.default_rng(0)
        best, best_time = Settings(), float("inf")
        end = time.perf_counter() + self.seconds
        for change in self._changes(make):
            candidate = best._replace(**change)
            try:
                with deadline(max(end - time.perf_counter(), 0.01) if change else 3600):
                    task = make(work, model, candidate)
                    for _ in range(_WARM_UP[candidate.compiled]):
                        task.time(rng)
                    seconds = min(task.time(rng) for _ in range(2))
            except (Exception, Late) as error:
                if not change or is_out_of_memory(error):
                    raise
                reason = (str(error).strip().splitlines() or [type(error).__name__])[0][:120]
                if isinstance(error, Late):
                    reason = f"all tuning is to take {self.seconds:g} s"
                left_out = _mode(change["compiled"]) if "compiled" in change else next(iter(change))
                self.note(f"{work.row} {work.model}: PyTorch without {left_out}: {reason}")
                torch._dynamo.reset()
                torch.set_grad_enabled(True)  # the deadline may come where a compiler has none
                continue
            if seconds < best_time:
                best, best_time = candidate, seconds
        self.found[key] = best
        return best

    def _changes(self, make: Callable[..., Task]) -> list[dict]:
        """What is tried in turn, each on top of what has won so far; nothing at first."""
        changes: list[dict] = [{}, {"channels_last": True}]
        if make == self.step:
            changes.append({"fused": True})
        if make == self.library_cam:  # it hooks into modules, which must not be compiled
            return changes
        return changes + [{"compiled": mode} for mode in MODES[self.device.type]]

    # ---- Tasks, given settings --------------------------------------------------------------

    def forward(self, work: Work, model: nn.Module, settings: Settings) -> Task:
        net = _compile(self._place(model, settings).eval(), settings)

        def run(batches: list) -> torch.Tensor:
            with torch.inference_mode(), self._autocast():
                for x, _ in batches:
                    logits = net(x)
            return self._wait(logits)

        return Task(self._batches(work, settings), run)

    def step(self, work: Work, model: nn.Module, settings: Settings) -> Task:
        train = self.trainer(work, work.phases[0], model, settings)[0]

        def run(batches: list) -> torch.Tensor:
            for batch in batches:
                loss = train(*batch)
            return self._wait(loss)

        return Task(self._batches(work, settings), run)

    def trainer(self, work: Work, rates: dict[str, float], model: nn.Module, settings: Settings):
        """A step on a batch that returns its loss, and the loss without a step."""
        parts = stages(self._place(model, settings))
        behind = itertools.dropwhile(lambda stage: stage != work.first, parts)
        net = _compile(nn.Sequential(*(parts[stage] for stage in behind)), settings)
        for stage, part in parts.items():
            part.requires_grad_(stage in rates)
        groups = [{"params": parts[stage].parameters(), "lr": rates[stage]} for stage in rates]
        adam = torch.optim.Adam(groups, fused=settings.fused or None)

        def mode(training: bool) -> None:
            # In evaluation mode BatchNorm's scale and bias learn all the same.
            for stage, part in parts.items():
                part.train(training and stage in rates and work.batch_norm == "train")

        def step(x: torch.Tensor, labels: torch.Tensor) -> torch.Tensor:
            adam.zero_grad()
            with self._autocast():
                loss = F.cross_entropy(net(x), labels)
            loss.backward()
            adam.step()
            return loss.detach()

        def validate(x: torch.Tensor, labels: torch.Tensor) -> torch.Tensor:
            mode(False)
            with torch.inference_mode(), self._autocast():
                loss = F.cross_entropy(net(x), labels)
            mode(True)
            return loss

        mode(True)
        return step, validate

    def epochs(self, work: Work, model: nn.Module) -> Task:
        """Phases of training and validation from images, as their user writes them.

        All epochs of a phase cost the same, so one of each is timed and multiplied.
        """
        steps = GPU_STEPS if self.device.type == "cuda" else 1
        one = work._replace(row="train_frozen", steps=steps)
        found = [self.tune(one._replace(phases=(r,)), model, self.step) for r in work.phases]
        trainers = [
            (*self.trainer(work, rates, model, settings), settings)
            for rates, settings in zip(work.phases, found, strict=True)
        ]

        def fresh(rng: np.random.Generator) -> list[list[tuple[torch.Tensor, torch.Tensor]]]:
            return [
                [
                    (self._pinned(on_host(x)), self._pinned(torch.from_numpy(labels).long()))
                    for x, labels in zip(
                        *(np.split(a, range(work.batch, len(a), work.batch)) for a in split[:2]),
                        strict=True,
                    )
                ]
                for split in self.draw_splits(work, rng)[:2]
            ]

        def run(splits: list) -> float:
            total = 0.0
            for step, validate, settings in trainers:
                began = time.perf_counter()
                for part, function in zip(splits, (step, validate), strict=True):
                    losses = [
                        function(self._to_device(x, settings), y.to(self.device, non_blocking=True))
                        for x, y in part
                    ]
                    torch.stack(losses).mean().item()
                total += work.epochs * (time.perf_counter() - began)
            return total

        def warm(rng: np.random.Generator) -> None:
            run([part[:1] for part in fresh(rng)])

        used = "; ".join(dict.fromkeys(map(str, found)))
        return Task(fresh, run, float, warm, f"PyTorch {self.version}, {used}")

    def library_cam(self, work: Work, model: nn.Module, settings: Settings) -> Task:
        """pytorch-grad-cam at the last convolution, as its README shows it."""
        try:
            from pytorch_grad_cam import GradCAM
        except ModuleNotFoundError as error:
            raise Skipped("gradcam: pytorch-grad-cam is not installed") from error
        net = self._place(model, settings).eval()
        layer = list(stages(net).values())[-2][-1]
        cam = GradCAM(model=net, target_layers=[layer])

        # No autocast: it takes activations to NumPy, which has no bfloat16.
        return Task(
            lambda rng: self._images(work, rng),
            lambda x: cam(input_tensor=self._to_device(x, settings), targets=None),
        )

    def head_only_cam(self, work: Work, model: nn.Module, settings: Settings) -> Task:
        """Grad-CAM by hand: only the head is differentiated."""
        *body, head = stages(self._place(model, settings).eval()).values()
        features_of = _compile(nn.Sequential(*body), settings)

        def run(images: torch.Tensor) -> np.ndarray:
            x = self._to_device(images, settings)
            with self._autocast():
                with torch.no_grad():
                    features = features_of(x)
                # A leaf of its own: VGG's ReLU works in place, on what compiled code may reuse.
                leaf = features.detach().clone().requires_grad_()
                logits = head(leaf)
                picked = logits.gather(1, logits.argmax(1, keepdim=True)).sum()
            (gradient,) = torch.autograd.grad(picked, leaf)
            weights = gradient.float().mean((2, 3), keepdim=True)
            maps = F.relu((weights * features.float()).sum(1, keepdim=True))
            return F.interpolate(maps, size=work.size, mode="bilinear")[:, 0].cpu().numpy()

        return Task(lambda rng: self._images(work, rng), run)

    def input(self, work: Work, folder: Path) -> Task:
        """A DataLoader over PNG files, in this process or with a worker per core."""
        files = Files(folder, work.size)
        rng = np.random.default_rng(0)

        def task(workers: int) -> Task:
            # Forking a process in which JAX runs may hang.
            how: dict[str, Any] = {"multiprocessing_context": "spawn", "persistent_workers": True}
            loader = torch.utils.data.DataLoader(
                files, work.batch, num_workers=workers, **(how if workers else {})
            )
            name = f"PyTorch {self.version} DataLoader, {workers} workers"
            return Task(lambda rng: loader, lambda it: sum(len(x) for x, _ in it), name=name)

        tasks = [task(0), task(measure.cores())]
        for each in tasks:
            each.time(rng)
        return min(tasks, key=lambda each: each.time(rng))

    # ---- What they share --------------------------------------------------------------------

    def _place(self, model: nn.Module, settings: Settings) -> nn.Module:
        layout = torch.channels_last if settings.channels_last else torch.preserve_format
        placed: Any = copy.deepcopy(model)
        return placed.to(self.device, memory_format=layout)

    def _images(self, work: Work, rng: np.random.Generator) -> torch.Tensor:
        return self._pinned(on_host(self.draw(work, rng)[0]))

    def _inputs(self, work: Work, rng: np.random.Generator, settings: Settings):
        inputs, labels = self.draw(work, rng)
        x = to_tensor(inputs, self.device, channels_last=settings.channels_last)
        if self.device.type == "cuda" and work.shape[-1] != 1:
            x = x.bfloat16()  # as autocast leaves activations
        return x, torch.from_numpy(labels).long().to(self.device)

    def _batches(self, work: Work, settings: Settings) -> Callable[[np.random.Generator], list]:
        """Draws a repetition's batches; several lie on the device, and their order is drawn."""
        if work.steps == 1:
            return lambda rng: [self._inputs(work, rng, settings)]
        key = work._replace(row="", phases=(), batch_norm="")
        if self.drawn is None or self.drawn[0] != key:  # one candidate after the other uses them
            self.drawn = None  # makes room
            rng = np.random.default_rng(0)
            self.drawn = key, [self._inputs(work, rng, Settings()) for _ in range(work.steps)]
        batches = [(self._to_device(x, settings), labels) for x, labels in self.drawn[1]]
        return lambda rng: [batches[i] for i in rng.permutation(work.steps)]

    def _to_device(self, x: torch.Tensor, settings: Settings) -> torch.Tensor:
        return on_device(x, self.device, channels_last=settings.channels_last)

    def _pinned(self, x: torch.Tensor) -> torch.Tensor:
        """Where a GPU can fetch it while the host goes on."""
        return x.pin_memory() if self.device.type == "cuda" else x

    def _autocast(self) -> torch.autocast:
        return torch.autocast("cuda", torch.bfloat16, enabled=self.device.type == "cuda")

    def _wait(self, result: Any) -> Any:
        if self.device.type == "cuda":
            torch.cuda.synchronize()
        return result


class Files(torch.utils.data.Dataset):
    """Patches and masks as `speed.inputs` writes them, at the model's size."""

    def __init__(self, folder: Path, size: int):
        self.images, self.size = sorted((folder / "image").iterdir()), size

    def __len__(self) -> int:
        return len(self.images)

    def __getitem__(self, i: int) -> tuple[np.ndarray, np.ndarray]:
        path = self.images[i]
        image, mask = (
            np.asarray(cv2.imread(str(path.parent.parent / part / path.name), 0))
            for part in ("image", "mask")
        )
        size = (self.size, self.size)
        how = cv2.INTER_AREA if min(image.shape) > self.size else cv2.INTER_LINEAR
        hot = cv2.resize(mask, size, interpolation=cv2.INTER_NEAREST_EXACT) > 0
        return cv2.resize(image, size, interpolation=how), hot


def use_machine() -> None:
    """All cores on a CPU; the fastest algorithms and TF32 on a GPU."""
    torch.set_num_threads(measure.cores())
    torch.backends.cudnn.benchmark = True
    torch.set_float32_matmul_precision("high")
    warnings.filterwarnings("ignore", module="torch")


def _compile(net: nn.Module, settings: Settings) -> Any:
    if not settings.compiled:
        return net
    torch._logging.set_logs(all=logging.ERROR)
    torch._dynamo.config.recompile_limit = 64  # of one module class, over all tasks
    # Shapes never change within a task; they do between tasks, which is no reason to go dynamic.
    mode = None if settings.compiled == "default" else settings.compiled
    return torch.compile(net, dynamic=False, mode=mode)
