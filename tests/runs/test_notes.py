"""What a reader of the figures is told."""

import jax

from jaxcbis.config import PROTOCOLS, resolve
from jaxcbis.data.patches import OVERLAP, SPLITS
from jaxcbis.labels import LABELS
from jaxcbis.machine import places
from jaxcbis.runs import notes, record
from jaxcbis.runs.inputs import Start
from tests.data.test_summary import dataset


def test_every_change_of_the_number_of_devices_is_told():
    now = jax.device_count()

    def after(**environment):
        return notes.environment(2, {"environment": environment})

    assert "devices_before" not in notes.environment(2, None)
    assert "devices_before" not in after(devices=now)
    assert notes.of_devices(after(devices=now)) == []
    once = after(devices=now + 1)
    assert once["devices_before"] == [now + 1]
    assert notes.of_devices(once) == [
        f"begun on {now + 1} devices and continued on {now}: last digits may differ"
    ]
    twice = after(devices=now + 1, devices_before=[now])
    assert notes.of_devices(twice) == [
        f"begun on {now} devices and continued on {now + 1}: last digits may differ",
        f"begun on {now + 1} devices and continued on {now}: last digits may differ",
    ]


def test_the_protocol_and_windows_that_fall_short_are_told():
    counts = dict.fromkeys(LABELS, 2)
    splits = {name: {"total": 10, "per_class": counts} for name in (*SPLITS, OVERLAP)}
    leakage = {"patients_in_train_and_test": 0, "test_items_affected": 0}
    data = {"splits": splits, "dropped": [], "leakage": leakage, "short": []}
    for protocol in PROTOCOLS:
        (note,) = notes.of_data(data, protocol)
        assert note.startswith(f"{protocol} protocol: ")
        assert ("leaves out 10 official test items" in note) == (protocol != "paper")
    nothing_apart = data | {"splits": splits | {OVERLAP: {"total": 0, "per_class": counts}}}
    (note,) = notes.of_data(nothing_apart, "clean")
    assert note.endswith("no patient on two sides")
    odd = {"id": "a", "reason": "taken as 16 bit as it tells; dark: no pixel is brighter than 9"}
    told = notes.of_data(data | {"assumed": [odd, odd | {"id": "b"}]}, "shifted")[1]
    assert told == f"2 mammograms read with a note, the first a: {odd['reason']}"
    data["short"] = [{"id": "a", "reason": "another lesion"}]
    assert notes.of_data(data, "shifted")[1] == (
        "1 of 32 windows on lesions fall short of the protocol: another lesion (1); see data.short"
    )


def test_what_was_not_covered_is_told():
    assert notes.of_covering({"n": 3}) == []
    assert "--protocol shifted" in notes.of_covering(None)[0]
    assert notes.of_covering({"n": 0})[0].startswith("no test lesion has as much room beside it")
    assert notes.of_covering({"n": 0}, masks=False)[0].startswith("no masks")


def test_maps_that_say_little_are_told():
    located = {"n_without_mask": 0, "samples": {"all": {"lesions": {"n": 5}}}}
    assert notes.of_maps(located | {"grid": 3, "zero_maps": 0}) == []
    one_cell, zero = notes.of_maps(located | {"grid": 1, "zero_maps": 2})
    assert "one cell" in one_cell
    assert zero.startswith("2 class activation maps are zero everywhere")


def test_notes_on_the_release_are_a_run_s():
    data = dataset()._replace(notes=["the release was found in a/b of c"])
    start = Start(None, "made up", [])
    config = resolve({"data": "c"})
    assert data.notes[0] in record.begin(config, data, start, 1, None)["notes"]


def test_a_data_set_that_may_be_gone_is_told(tmp_path, monkeypatch):
    monkeypatch.setattr(places, "passing", lambda environment: "kept elsewhere")
    data, start = dataset(), Start(None, {}, [])

    def told(**given):
        config = resolve({"data": "release", **given})
        return "kept elsewhere" in record.begin(config, data, start, 1, None)["notes"]

    assert told()
    assert not told(data_dir=str(tmp_path))
    assert not told(data="patches.npz")


def test_lesions_without_a_mask_are_told():
    def told(masked: int, absent: int) -> list[str]:
        lesions = {"samples": {"all": {"lesions": {"n": masked}}}}
        return notes.of_maps({"n_without_mask": absent, "grid": 3, "zero_maps": 0} | lesions)

    assert told(3, 2) == ["localisation leaves out 2 of 5 test lesions: their masks are empty"]
    (none,) = told(0, 2)
    assert none.startswith("no masks, so nothing is said of where the model looks")
    assert told(0, 0) == []


def test_figures_without_an_interval_are_told():
    test = {
        "n": 6,
        "accuracy": 0.5,
        "accuracy_ci95": [0.4, 0.6],
        "auc_mean": 1.0,
        "auc_mean_ci95": None,
    }
    scores = {"test": test, "covering": None, "localization": {"ll": None, "ll_ci95": None}}
    scores["test_official"] = test  # no patch was set apart
    (note,) = notes.of_intervals(scores)
    assert note.startswith("no 95 % interval of test.auc_mean: ")
    assert notes.of_intervals({"test": test | {"auc_mean_ci95": [0.9, 1.0]}}) == []
