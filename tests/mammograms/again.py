"""The figures of a finished run, made again from its predictions.csv as a user may."""

from pathlib import Path

from jaxcbis.mammograms.figures import baselines, levels, predictions
from jaxcbis.records import results


def from_predictions(folder: Path) -> dict:
    """'test', 'test_flips' and 'baselines' as in results.json; of the last what has a column.

    The thresholds were chosen on validation views, which the file does not hold. They are read from
    results.json.
    """
    found = predictions.read(folder / predictions.FILE)
    kept = results.read(folder / "results.json")
    flips = None
    if found.flips is not None:
        averaged = found.answers._replace(probabilities=found.flips)
        flips = levels.score(averaged, levels.chosen_in(kept["test_flips"]))
    return {
        "test": levels.score(found.answers, levels.chosen_in(kept["test"])),
        "test_flips": flips,
        "baselines": baselines.compare(
            found.labels, found.patients, found.probabilities, found.baselines
        ),
    }
