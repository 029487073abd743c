"""A finished run on one line and in a notebook: the answer first."""

from html import escape
from pathlib import Path

from jaxcbis.report import verdict
from jaxcbis.report.tables import has_random_weights, is_demo, run_name


def line(results: dict, folder: Path) -> str:
    """What the run is, how good it is, and what limits that.

    Args:
      results: content of results.json.
      folder: of the run.
    """
    test, without = results["test"], results["test_without_label_normalization"]
    said = [f"accuracy {_accuracy(test)} on {test['n']} test patches"]
    if without:
        said.append(f"without label normalisation {_accuracy(without)}")
    said += [*_limits(results), str(folder)]
    return f"<{run_name(results)}: {'; '.join(said)}>"


def html(results: dict, folder: Path) -> str:
    """The same for a notebook, with the verdict and all that a reader must know before it.

    Args:
      results: content of results.json.
      folder: of the run.
    """
    head = f"{run_name(results)}: accuracy {_accuracy(results['test'])}"
    limits = "".join(f"<strong>{escape(limit)}</strong> " for limit in _limits(results))
    told = "".join(f"<p>{escape(sentence)}</p>" for sentence in verdict.verdict(results))
    warned = "".join(f"<li>{escape(warning)}</li>" for warning in verdict.warnings(results))
    return (
        f"<div><h3>{escape(head)}</h3><p>{limits}</p>{told}<ul>{warned}</ul>"
        f"<p>Not a medical device. Folder: <code>{escape(str(folder))}</code></p></div>"
    )


def _accuracy(test: dict) -> str:
    said = f"{test['accuracy']:.2f}"
    if interval := test["accuracy_ci95"]:
        said += " (95 % interval {:.2f} to {:.2f})".format(*interval)
    return said


def _limits(results: dict) -> list[str]:
    return [
        *(["DEMO DATA"] if is_demo(results) else []),
        *(["RANDOM WEIGHTS"] if has_random_weights(results) else []),
    ]
