"""Writes the glossary of docs/report-and-glossary.md, from the terms that a report explains.

python docs/making/glossary.py
"""

from pathlib import Path

from jaxcbis.report.page.glossary import TERMS

PAGE = Path(__file__).resolve().parents[1] / "report-and-glossary.md"
BEGIN, END = "<!-- glossary -->", "<!-- /glossary -->"


def fill(text: str) -> str:
    """The page with the terms between its marks, in alphabetical order."""
    before, rest = text.split(BEGIN)
    _, after = rest.split(END)
    terms = sorted(TERMS.values(), key=lambda term: term.name.casefold())
    lines = "\n".join(f"- **{term.name}**: {term.meaning}" for term in terms)
    return f"{before}{BEGIN}\n\n{lines}\n\n{END}{after}"


if __name__ == "__main__":
    PAGE.write_text(fill(PAGE.read_text(encoding="utf-8")), encoding="utf-8")
