"""Seconds and memory of whole mammograms on the screen and as a table."""

from collections.abc import Iterator

from rich.table import Table

from benchmarks import report
from benchmarks.mammograms.rows import KEPT
from benchmarks.report import number


def line(row: dict) -> str:
    """One row."""
    text = f"{row['row']:<13} {_where(row):<28}"
    if row["reason"]:
        return f"{text} {row['reason']}"
    text += f" {number(row['seconds'] / row['views'])} s a view"
    for key, name in (("peak_mb", "peak"), ("reckoned_mb", "reckoned")):
        text += "" if row[key] is None else f", {name} {row[key]:.0f} MiB"
    return text


def show(results: dict) -> None:
    """Prints the table and what stands below it."""
    report.show(table(results), footnotes(results))


def table(results: dict) -> Table:
    """A line for each size, backbone and precision."""
    names = (
        "size", "backbone", "precision", "cut s", "forward s", "map s", "top step s", "step s",
        "peak MiB", "reckoned MiB",
    )  # fmt: skip
    shown = report.columns(names, text=3)
    rows = {_key(row): row for row in results["rows"]}
    networks = dict.fromkeys(key[1:] for key in rows if key[1] is not None)
    for network in networks:
        model, precision, height, width = network

        def cell(field: str, *names: str, network: tuple = network) -> str:
            found = [rows.get((name, *network), {}) for name in names]
            values = [each.get(field) for each in found]
            if field == "seconds":
                values = [
                    x / each["views"] if x else x for x, each in zip(values, found, strict=True)
                ]
            return _slashed(values)

        steps = ("step", f"step{KEPT}")
        shown.add_row(
            f"{height} x {width}", model, precision,
            _slashed([rows.get(("cut", None, None, height, width), {}).get("seconds")]),
            cell("seconds", "forward", "forward_two"), cell("seconds", "map"),
            cell("seconds", "top_step", f"top_step{KEPT}"), cell("seconds", *steps),
            cell("peak_mb", *steps), cell("reckoned_mb", *steps),
        )  # fmt: skip
    return shown


def footnotes(results: dict) -> list[str]:
    """What the columns mean, what the release's mammograms take, and what was not measured."""
    gpu = results["hardware"]["backend"] != "cpu"
    return [
        "seconds: of one view, medians; forward: a view at a time/two at a time; steps: of two "
        "views, with augmentation, with gradient checkpointing/without",
        "peak, reckoned: of the step of all behind the frozen half, with gradient "
        "checkpointing/without. Peak: "
        + ("of the GPU" if gpu else "of the whole process while it computes, libraries included")
        + ". Reckoned: of the program alone, by the compiler",
        *_of_release(results["rows"]),
        *_missing(results["rows"]),
    ]


def _of_release(rows: list[dict]) -> Iterator[str]:
    if cuts := [row for row in rows if row["row"] == "cut" and row["seconds"]]:
        read = cuts[0]["read_s"]
        yield (
            f"cut: without reading the mammogram, {number(read)} s; median of "
            f"{cuts[0]['repetitions']} mammograms of the release"
        )
    for row in rows:
        if row["row"] == "sweep" and row["seconds"]:
            yield (
                f"sweep of a patch run, {row['model']} in {row['precision']}: "
                f"{number(row['seconds'])} s a mammogram of {row['windows']:.0f} windows"
            )


def _missing(rows: list[dict]) -> Iterator[str]:
    """Why rows were not measured, a line for each reason."""
    found: dict[str, list[str]] = {}
    for row in rows:
        if row["reason"]:
            name = f"{row['row']} ({_where(row)})" if _where(row) else row["row"]
            found.setdefault(row["reason"], []).append(name)
    for reason, names in found.items():
        yield f"not measured, {reason}: {', '.join(names)}"


def _where(row: dict) -> str:
    size = f"{row['height']} x {row['width']}" if row["height"] else ""
    return " ".join(filter(None, (row["model"], row["precision"], size)))


def _key(row: dict) -> tuple:
    keys = ("row", "model", "precision", "height", "width")
    # The network of a sweep is a patch run's, which has no line of its own.
    return tuple(None if row["row"] == "sweep" and key != "row" else row[key] for key in keys)


def _slashed(values: list[float | None]) -> str:
    """Values side by side; nothing where there is none of them."""
    if all(value is None for value in values):
        return ""
    return "/".join("-" if value is None else number(value) for value in values)
