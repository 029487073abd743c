"""Writes the table of docs/mammograms.md on what others report, from the figures that a run holds.

python docs/making/literature.py
"""

from pathlib import Path

from jaxcbis.mammograms.figures import literature

PAGE = Path(__file__).resolve().parents[1] / "mammograms.md"
BEGIN, END = "<!-- literature -->", "<!-- /literature -->"
HEAD = "| study | AUC | split | views | read in |\n|---|---|---|---|---|"


def fill(text: str) -> str:
    """The page with the figures between its marks, in their order."""
    before, rest = text.split(BEGIN)
    _, after = rest.split(END)
    rows = [
        f"| {of.name}, {of.year} | {of.auc:g} | {of.split} | {('one', 'two')[of.views - 1]} "
        f"| {of.source}: {of.read} |"
        for of in literature.FIGURES
    ]
    return "\n".join([f"{before}{BEGIN}\n", HEAD, *rows, f"\n{END}{after}"])


if __name__ == "__main__":
    PAGE.write_text(fill(PAGE.read_text(encoding="utf-8")), encoding="utf-8")
