"""Both sides of a row, given the same weights and inputs, come to the same numbers."""

from functools import partial

import numpy as np
import pytest

from benchmarks import measure
from benchmarks.speed import inputs, rows, tasks
from jaxcbis.training import epochs
from tests import tiny
from tests.differences import assert_within

BATCH = 2

FULL = pytest.mark.full
RESNET = pytest.mark.parametrize(
    "both", ["tiny", pytest.param("resnet34", marks=FULL)], indirect=True
)
BOTH = pytest.mark.parametrize(
    "both",
    ["tiny", "tiny_vgg", *(pytest.param(name, marks=FULL) for name in ("resnet34", "vgg16"))],
    indirect=True,
)


@pytest.fixture(scope="module")
def both(request, peer, tmp_path_factory):
    """A model of torch's side and ours, with the same weights."""
    from tests import torch_reference

    model = peer.models.build(request.param)
    reference = torch_reference.backbone(request.param)  # its statistics keep activations small
    model.load_state_dict(reference.state_dict())
    file = tmp_path_factory.mktemp("weights") / "same.safetensors"
    return model, torch_reference.load(request.param, model, file)


@pytest.fixture(scope="module")
def tools(peer):
    return peer.rows.Torch("cpu", rows.draw, rows.draw_splits, 0, pytest.fail)


def of(row, backbone):
    size = tiny.SIZE if backbone.architecture.name.startswith("tiny") else 64
    return rows.work(row, backbone, BATCH, size, images=2 * BATCH, epochs=2)


def run(task):
    return task.work(task.fresh(np.random.default_rng(3)))


@BOTH
@pytest.mark.parametrize("channels_last", [False, True])
def test_forward(both, tools, peer, channels_last):
    model, backbone = both
    settings = peer.rows.Settings(channels_last=channels_last)
    work = of("forward", backbone)
    expected = run(tools.forward(work, model, settings)).numpy()
    got = run(tasks.ours(work, backbone))
    assert_within(
        1e-4,
        got,
        expected,
        "logits, relative to their deviation | torchvision",
        scale=expected.std(),
    )


@pytest.mark.parametrize(
    ("both", "row"),
    [
        ("tiny_vgg", "train_all"),
        ("tiny_vgg", "train_behind_prefix"),
        ("tiny", "train_frozen"),
        ("tiny", "train_frozen_batch_stats"),
        pytest.param("vgg16", "train_all", marks=FULL),
        pytest.param("resnet34", "train_frozen_batch_stats", marks=FULL),
    ],
    indirect=["both"],
)
def test_steps(both, tools, peer, row):
    model, backbone = both
    work = of(row, backbone)
    # At higher rates Adam makes whole steps of rounding errors.
    work = work._replace(phases=tuple({s: r / 30 for s, r in p.items()} for p in work.phases))
    settings = peer.rows.Settings(channels_last=True, fused=True)
    ours, peer = tasks.ours(work, backbone), tools.step(work, model, settings)
    got, expected = ([float(run(task)) for _ in range(3)] for task in (ours, peer))
    what = "losses of training, relative | PyTorch"
    assert_within(1e-3, got, expected, what, scale=np.array(expected))
    assert len(set(got)) == 3, "the steps change nothing"


@RESNET
def test_a_repetition_on_a_gpu_takes_many_steps_on_both_sides(both, tools, peer, monkeypatch):
    """Here on a CPU: the same tasks, with the steps of a repetition set by hand."""
    model, backbone = both
    work = of("train_behind_prefix", backbone)._replace(steps=3)
    taken = []

    def trainer(*words, given=tools.trainer):
        step, validate = given(*words)
        return lambda x, y: taken.append(x) or step(x, y), validate

    monkeypatch.setattr(tools, "trainer", trainer)
    ours, peer = (
        tasks.ours(work, backbone),
        tools.step(work, model, peer.rows.Settings(channels_last=True)),
    )
    rng = np.random.default_rng(3)
    order = ours.fresh(rng)
    assert sorted(np.ravel(order)) == list(range(3 * BATCH))
    assert ours.work(order) != ours.work(order), "the steps change nothing"
    peer.time(rng)
    assert [len(x) for x in taken] == [BATCH] * 3
    assert len({x.data_ptr() for x in taken}) == 3
    row = measure.summarize(work, "images/s", [1.0], [2.0], "peer")
    assert (row["ours"], row["peer"]) == (3 * BATCH, 1.5 * BATCH)


@RESNET
def test_stored_statistics_stay_and_the_batchs_move_them(both, tools, peer):
    model, backbone = both
    changed = {}
    for row in ("train_behind_prefix", "train_behind_prefix_batch_stats"):
        placed = []
        with pytest.MonkeyPatch.context() as patch:
            place = tools._place
            patch.setattr(tools, "_place", lambda *w, p=place, k=placed: k.append(p(*w)) or k[-1])
            run(tools.step(of(row, backbone), model, peer.rows.Settings()))
        pairs = zip(model.state_dict().items(), placed[0].state_dict().values(), strict=True)
        changed[row] = {name for (name, x), y in pairs if not peer.models.torch.equal(x, y)}
    statistics = {name for names in changed.values() for name in names if "running" in name}
    assert statistics
    assert not statistics & changed["train_behind_prefix"]
    assert statistics <= changed["train_behind_prefix_batch_stats"]
    scale = f"{backbone.stages[-1]}.0.bn2.weight"
    assert scale in changed["train_behind_prefix"], "its scale does not learn"


@RESNET
def test_frozen_half_in_torch_gets_no_gradient_and_keeps_its_statistics(both, tools, peer):
    model, backbone = both
    work = of("train_frozen", backbone)
    placed = []
    tools_place = tools._place
    tools._place = lambda *words: placed.append(tools_place(*words)) or placed[-1]
    try:
        run(tools.step(work, model, peer.rows.Settings()))
    finally:
        tools._place = tools_place
    before, after = (peer.models.stages(m) for m in (model, placed[0]))
    (rates,) = work.phases
    for stage in before:
        same = all(
            peer.models.torch.equal(x, y)
            for x, y in zip(
                before[stage].state_dict().values(),
                after[stage].state_dict().values(),
                strict=True,
            )
        )
        assert same == (stage not in rates), stage
        if stage not in rates:
            assert all(p.grad is None for p in after[stage].parameters())


@RESNET
def test_images_are_grey_and_come_from_the_host_where_they_do_in_a_run(both, tools, peer):
    model, backbone = both
    behind = ("train_behind_prefix", "train_behind_prefix_batch_stats", rows.LOOK)
    works = [of(row, backbone) for row in rows.ROWS if row not in behind]
    assert {work.shape for work in works} == {(works[0].size, works[0].size, 1)}
    work = of("gradcam", backbone)
    for make in (tools.library_cam, tools.head_only_cam):
        fresh = make(work, model, peer.rows.Settings(channels_last=True)).fresh
        images = fresh(np.random.default_rng(3))
        expected = rows.draw(work, np.random.default_rng(3))[0]
        np.testing.assert_array_equal(images.numpy()[:, 0], expected[..., 0])
        assert images.device.type == "cpu"
        assert images.min() < 0, "they are no activations"


@BOTH
def test_grad_cam(both, tools, peer):
    model, backbone = both
    work = of("gradcam_head_only", backbone)
    got = run(tasks.ours(work, backbone))
    expected = run(tools.head_only_cam(work, model, peer.rows.Settings()))
    assert expected.max() > 0
    what = "Grad-CAM, of the maximum | PyTorch's gradient of the head"
    assert_within(1e-3, got, expected, what, scale=expected.max())
    library = run(tools.library_cam(work, model, peer.rows.Settings()))  # scaled to 0..1 per image

    def scaled(maps):
        low = maps.min((1, 2), keepdims=True)
        return (maps - low) / (1e-7 + (maps - low).max((1, 2), keepdims=True))  # as theirs does

    # It shifts the coarse map by its minimum before it enlarges it.
    np.testing.assert_allclose(scaled(got), scaled(library), rtol=0, atol=1e-2)


@RESNET
def test_epochs_do_the_same_number_of_steps(both, tools, peer, monkeypatch):
    model, backbone = both
    work = of("s1_run", backbone)._replace(phases=of("s1_run", backbone).phases[:2])
    steps = {"ours": 0, "peer": 0}
    train, trainer = epochs.train, tools.trainer

    def ours_epoch(plan, state, frozen, examples, order, *words):
        steps["ours"] += len(order)
        return train(plan, state, frozen, examples, order, *words)

    def counting_trainer(*words):
        step, validate = trainer(*words)

        def counted(*batch):
            steps["peer"] += 1
            return step(*batch)

        return counted, validate

    monkeypatch.setattr(epochs, "train", ours_epoch)
    monkeypatch.setattr(tools, "trainer", counting_trainer)
    monkeypatch.setattr(tools, "tune", lambda *words: peer.rows.Settings())
    run(tasks.ours(work, backbone))
    peer = tools.task(work, model)
    seconds = peer.seconds(run(peer))
    assert seconds > 0
    assert steps == {"ours": 2 * 2 * 2, "peer": 2 * 2}  # phases, batches, and ours: every epoch


def test_files_are_read_as_the_records_are(tmp_path, peer, monkeypatch):
    pytest.importorskip("tensorflow_datasets")
    from tfds_cbis.release import phantom

    small = partial(phantom.write_release, patients=(1, 1))
    monkeypatch.setattr(phantom, "write_release", small)
    records, files = inputs.write(tmp_path)
    images, masks = zip(*peer.rows.Files(files, 32), strict=True)
    from jaxcbis.data import prepared

    ours, _ = prepared.from_records(records, 32)
    order = np.argsort([str(record["id"], "utf-8") for record in records], kind="stable")
    np.testing.assert_array_equal(ours.images, np.stack(images)[order])
    np.testing.assert_array_equal(ours.masks, np.stack(masks)[order])


@RESNET
def test_only_s1_run_has_several_epochs(both):
    epochs = {row: of(row, both[1]).epochs for row in rows.ROWS}
    assert epochs.pop("s1_run") == 2
    assert set(epochs.values()) == {1}
