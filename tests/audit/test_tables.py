"""An audit in words."""

from jaxcbis.audit import tables


def test_what_the_maps_are_worth_is_told_of_every_run_that_knows_it():
    known = {"backbone": "vgg19", "strategy": "s1", "protocol": "clean", "run": "a"}
    beside = {"difference": -0.1, "ci95": [-0.2, -0.02], "verdict": "worse"}
    row = known | {
        "baselines": {"all_ones": 0.5, "centred_gaussian": 0.4},
        "against_baselines": {
            "all_ones": beside,
            "centred_gaussian": beside | {"ci95": [-0.2, 0.02], "verdict": "within noise"},
        },
    }
    audit = {"rows": [], "baselines": [], "faithfulness": [], "randomization": []}
    assert tables.words(audit | {"localization": [row]}) == [
        "vgg19 s1, clean protocol: on its own test patches its maps meet the masks worse "
        "than a map of all ones, the best blind map (0.50; difference -0.10, 95 % "
        "interval -0.20 to -0.02)."
    ]
    shifted = audit | {"localization": [row | {"protocol": "shifted"}]}
    assert tables.words(shifted) == []  # `looking` tells more of it
    assert tables.words(audit) == []  # of an audit from before
    other = row | {"against_baselines": None, "run": "b"}
    (told,) = tables.words(audit | {"localization": [row, other]})
    assert told.startswith("a: on its own test patches its maps meet the masks worse")


def test_an_audit_that_was_ended_says_so():
    audit = {"rows": [], "baselines": [], "faithfulness": [], "randomization": []}
    assert tables.words(audit | {"runs": []}) == []
    (told,) = tables.words(audit | {"runs": ["a", "b"]})
    assert "was asked of 0 of 2 runs" in told
