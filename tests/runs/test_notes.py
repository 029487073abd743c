"""What a reader of the figures is told."""

import jax

from jaxcbis.runs import notes, record


def test_every_change_of_the_number_of_devices_is_told():
    now = jax.device_count()

    def after(**environment):
        return record._environment(2, {"environment": environment})

    assert "devices_before" not in record._environment(2, None)
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


def test_what_was_not_covered_is_told():
    assert notes.of_covering({"n": 3}) == []
    assert "--protocol shifted" in notes.of_covering(None)[0]
    assert notes.of_covering({"n": 0})[0].startswith("no test lesion has as much room beside it")


def test_maps_that_say_little_are_told():
    assert notes.of_maps({"grid": 3, "zero_maps": 0}) == []
    one_cell, zero = notes.of_maps({"grid": 1, "zero_maps": 2})
    assert "one cell" in one_cell
    assert zero.startswith("2 class activation maps are zero everywhere")
