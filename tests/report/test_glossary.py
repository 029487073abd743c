"""Terms are linked once in a text, to what the glossary says of them."""

import re

from jaxcbis.report.page import glossary
from jaxcbis.report.tables import Table


def plain(marked: str) -> str:
    return re.sub("<[^>]+>", "", marked)


def targets(marked: str) -> list[str]:
    return re.findall(r'href="#term-(\w+)"', marked)


def test_the_first_use_of_each_term_is_linked():
    text = "Its LL score beats the best blind map, as the LL does; AUC & mean AUC follow."
    marked = glossary.linked(text)
    assert targets(marked) == ["ll", "blind", "auc"]
    assert plain(marked) == text.replace("&", "&amp;")
    assert 'aria-describedby="term-ll">LL score</a>' in marked


def test_markup_in_a_text_stays_text():
    assert glossary.linked("<b>IoU</b>") == (
        '&lt;b&gt;<a class="term" href="#term-iou" aria-describedby="term-iou">IoU</a>&lt;/b&gt;'
    )


def test_words_within_words_are_none():
    assert targets(glossary.linked("SHALLOW BALL FAUCET resnets1")) == []


def test_a_table_links_a_term_where_it_is_first_read():
    table = Table("By IoU", ("", "LL", "IoU"), [("IoU <1>", "<0>", "LL")], "AUC of <the> IoU")
    marked = glossary.linked(table)
    assert targets(marked.title) == ["iou"]
    assert [targets(column) for column in marked.columns] == [[], ["ll"], []]
    assert marked.rows == [("IoU &lt;1&gt;", "<0>", "LL")]  # cells are text, as they were
    assert targets(marked.caption) == ["auc"]


def test_every_term_is_found_by_its_name_or_its_words():
    for key, term in glossary.TERMS.items():
        if not term.words:
            assert targets(glossary.linked(term.name)) == [key]
        assert term.meaning.endswith(".")
    text = "paper: label normalisation, Grad-CAM++ and Grad-CAM by S1 and S2; the paper's F1"
    assert targets(glossary.linked(text)) == ["normalisation", "gradcam", "s1", "s2", "paper", "f1"]
