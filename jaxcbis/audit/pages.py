"""What an audit leaves to read: audit.md, and report.html, which is one file."""

from pathlib import Path

from jaxcbis.audit import questions, tables
from jaxcbis.audit.questions import Question
from jaxcbis.machine import files
from jaxcbis.records import results
from jaxcbis.report import formats
from jaxcbis.report.page import frame, pictures

HERE = Path(__file__).parent
#: What notes of an audit on demo data begin with.
_DEMO = "demo data"


def markdown(path: Path, audit: dict) -> None:
    """Writes audit.md.

    Args:
      path: of the file.
      audit: content of audit.json.

    Raises:
      UserError: the file cannot be written.
    """
    lines = [
        "# Audit", "",
        *(f"- **{each.question}** {each.answer}" for each in questions.of(audit)), "",
        *_picture(audit.get("looking")), *(f"- {line}" for line in tables.words(audit)), "",
        *(formats.markdown(table) for table in tables.of(audit)),
        *(f"- {note}" for note in audit["notes"]), "",
    ]  # fmt: skip
    files.write(path, "\n".join(lines))


def page(folder: Path, audit: dict | None = None) -> Path:
    """Writes `folder/report.html` from audit.json and looking.png; runs and data are not needed.

    Args:
      folder: of the audit.
      audit: content of audit.json, where it is at hand.

    Returns:
      The file.

    Raises:
      UserError: audit.json cannot be read, or the page cannot be written.
    """
    audit = audit or results.read(folder / "audit.json")
    looking = audit.get("looking")
    picture = None
    if looking and (drawn := folder / looking["picture"]["file"]).is_file():
        picture = pictures.of_png(drawn, _alt(looking))
    count = len(audit.get("runs") or audit["faithfulness"])
    text = frame.render(
        HERE / "audit.html",
        (HERE / "audit.css",),
        title=f"Audit of {count} run{'s' * (count != 1)}",
        badges=["DEMO DATA"] if any(note.startswith(_DEMO) for note in audit["notes"]) else [],
        questions=[_unindented(each) for each in questions.of(audit)],
        unfinished=tables.on_what_is_left(audit),
        picture=picture,
        rule=looking["picture"]["rule"] if looking else "",
        notes=audit["notes"],
    )
    files.write(folder / "report.html", text, "free space there or make the folder writable")
    return folder / "report.html"


def _unindented(question: Question) -> Question:
    """Without the spaces that set off rows on a screen; a page has its own ways."""
    shown = [
        table._replace(rows=[(row[0].strip(), *row[1:]) for row in table.rows])
        for table in question.tables
    ]
    return question._replace(tables=shown)


def _alt(looking: dict) -> str:
    columns = (" ".join(of["title"].split()) for of in looking["picture"]["columns"])
    return f"Test lesions with their outlines, and the maps of models by {'; '.join(columns)}"


def _picture(looking: dict | None) -> list[str]:
    if not looking:
        return []
    picture = looking["picture"]
    return [f"![Test lesions and maps of the runs]({picture['file']})", "", picture["rule"], ""]
