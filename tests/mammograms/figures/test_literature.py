"""Figures of others that stand beside ours."""

from jaxcbis.mammograms.figures import literature


def test_every_figure_says_where_it_is_from_and_that_it_was_measured_elsewhere():
    rows = literature.beside("CBIS-DDSM")
    for row in rows:
        assert row["measured"] == "elsewhere"
        assert row["source"]
        assert row["read"]
        assert row["split"] in (literature.OFFICIAL, literature.OWN, literature.FOLDS)
        assert row["views"] in (1, 2)
        assert 0.5 < row["auc"] < 1
    assert len({(row["name"], row["split"]) for row in rows}) == len(rows)


def test_what_is_printed_for_the_official_split():
    official = {
        (row["year"], row["views"]): row["auc"]
        for row in literature.beside("CBIS-DDSM")
        if row["split"] == "official"
    }
    assert official == {(2022, 2): 0.8483, (2025, 1): 0.8343, (2025, 2): 0.8658}


def test_other_data_have_nothing_beside_them():
    assert literature.beside("synthetic phantoms") == []
