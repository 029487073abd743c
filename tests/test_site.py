"""The documentation site: it builds without a warning, is whole, and fits every screen.

JAXCBIS_SCREENSHOTS=DIR python -m pytest tests/test_site.py
writes pictures of its pages, site-*.png.
"""

import argparse
import os
import re
from html import unescape
from pathlib import Path

import pytest

import jaxcbis
from jaxcbis.commands.main import parser
from tests.conftest import ROOT

SCREENS = {"wide": 1440, "phone": 390}


@pytest.fixture(scope="module")
def site(tmp_path_factory) -> Path:
    """The folder of the site, built as --strict does."""
    os.environ["NO_MKDOCS_2_WARNING"] = "1"  # of the theme's makers, about their next program
    commands = pytest.importorskip("mkdocs.commands.build", reason="MkDocs is not installed")
    config = pytest.importorskip("mkdocs.config")
    folder = tmp_path_factory.mktemp("site")
    commands.build(config.load_config(str(ROOT / "mkdocs.yml"), site_dir=str(folder), strict=True))
    return folder


def text(page: Path) -> str:
    """What a reader sees of it."""
    bare = re.sub(r"<(script|style).*?</\1>|<[^>]*>", "", page.read_text("utf-8"), flags=re.DOTALL)
    return " ".join(unescape(bare).split())


def test_it_has_every_page(site):
    sources = [path.relative_to(ROOT / "docs") for path in (ROOT / "docs").rglob("*.md")]
    assert len(sources) >= 20
    for source in sources:
        assert (site / source.with_suffix(".html")).is_file()
    assert not (site / "making").exists()


def test_the_command_line_is_that_of_the_program(site):
    (action,) = (a for a in parser()._actions if isinstance(a, argparse._SubParsersAction))
    page = (site / "cli.html").read_text("utf-8")
    for name, command in action.choices.items():
        _, begun, rest = page.partition(f'<h2 id="{name}">')
        section = rest.partition("<h2 ")[0]
        assert begun, name
        for option in command._option_string_actions.keys() - {"-h", "--help"}:
            if command._option_string_actions[option].help != argparse.SUPPRESS:
                assert option in section, f"{name} {option}"


def test_the_reference_has_every_name_of_the_package(site):
    page = (site / "python.html").read_text("utf-8")
    for name in jaxcbis.__all__:
        assert f'id="jaxcbis.{name}"' in page, name


@pytest.mark.parametrize("page", ["cli", "python"])
def test_what_the_file_alone_says_is_not_on_the_site(site, page):
    assert "The site lists every" in (ROOT / f"docs/{page}.md").read_text("utf-8")
    assert "The site lists every" not in text(site / f"{page}.html")


def test_it_asks_no_network(site):
    for page in site.rglob("*.html"):
        loaded = re.findall(
            r"<(?:script|img|link)[^>]*(?:src|href)=\"?([^\"\s>]+)", page.read_text()
        )
        assert not [url for url in loaded if re.match(r"(https?:)?//", url)], page.name


@pytest.mark.parametrize("screen", SCREENS)
def test_pages_fit_the_screen(site, browser, screen, tmp_path):
    folder = Path(os.environ.get("JAXCBIS_SCREENSHOTS", tmp_path))
    folder.mkdir(parents=True, exist_ok=True)
    page = browser.new_page(viewport={"width": SCREENS[screen], "height": 900})
    for name in ("index", "report-and-glossary", "cli", "benchmarks", "python", "mammograms"):
        page.goto((site / f"{name}.html").as_uri())
        assert page.evaluate("document.documentElement.scrollWidth") <= SCREENS[screen], name
        assert page.locator("h1").is_visible()
        page.screenshot(path=folder / f"site-{name}-{screen}.png")
    page.close()
