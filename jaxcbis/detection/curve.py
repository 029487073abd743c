"""What a free-response scoring shows: its figures in the terminal, and the curve."""

from matplotlib.figure import Figure

from jaxcbis.detection.froc import RATES
from jaxcbis.machine.console import say, warn
from jaxcbis.report.figures import explained, notices
from jaxcbis.report.figures.style import BLUE, VERMILLION

#: The ways to rank windows, in the order of the table.
NAMES = ("model", "brightness", "chance")


def show(answer: dict) -> None:
    """Prints the sensitivities, and what was left out.

    Args:
      answer: content of froc.json.
    """
    model = answer["model"]
    say(
        f"Sensitivity to {model['lesions']} lesions in {model['images']} mammograms of "
        f"{answer['patients']} patients; 95 % intervals in brackets, of a bootstrap over patients "
        "or, where none or all are found, Clopper and Pearson's:"
    )
    say(
        f"{'false positives per image':>27}{'lesions found':>15}"
        + "".join(map("{:>21}".format, NAMES))
    )
    for rate in map(str, RATES):
        found = round(model["sensitivity_at"][rate] * model["lesions"])
        cells = "".join(f"{_cell(answer[name], rate):>21}" for name in NAMES)
        say(f"{rate:>27}{f'{found} of ' + str(model['lesions']):>15}{cells}")
    for item in answer["dropped"]:
        warn(f"left out {item['id']}: {item['reason']}")


def _cell(figures: dict, rate: str) -> str:
    """A sensitivity and, where it has one, its interval."""
    interval = figures.get("sensitivity_at_ci95", {}).get(rate)
    bounds = "" if interval is None else " ({:.2f} to {:.2f})".format(*interval)
    return f"{figures['sensitivity_at'][rate]:.2f}{bounds}"


def draw(answer: dict, results: dict) -> Figure:
    """The curves of the model, of brightness and of chance.

    Args:
      answer: content of froc.json.
      results: content of the run's results.json.
    """
    model, chance = answer["model"], answer["chance"]["sensitivity_at"]
    figure = Figure(figsize=(6.5, 5), layout="constrained")
    figure.suptitle(
        f"Lesions found in whole mammograms\n{explained.named(results, answer['run'])}",
        fontsize=9, parse_math=False,
    )  # fmt: skip
    notices.stamp(figure, results, size=6.5)
    axes = figure.subplots()
    for name, style, colour in (
        ("model", "-", BLUE),
        ("brightness", "--", VERMILLION),
    ):
        rates, found = (answer[name][key] for key in ("false_positives_per_image", "sensitivity"))
        bounds = answer[name]["sensitivity_at_ci95"]
        known = [(rate, *bounds[str(rate)]) for rate in RATES if bounds[str(rate)]]
        label = f"{name}, bars: 95 %" if known else name
        axes.step(rates, found, style, where="post", color=colour, label=label)
        if known:
            axes.vlines(*zip(*known, strict=True), color=colour, alpha=0.4)
    axes.plot(list(RATES), list(chance.values()), "o:", color="0.5", label="chance")
    axes.set_xscale("symlog", linthresh=RATES[0], base=2)
    axes.set_xticks([0, *RATES], ["0", *map(str, RATES)], fontsize=7)
    axes.set(
        xlabel=f"false positives per image ({model['images']} mammograms, "
        f"{answer['patients']} patients)",
        ylabel=f"sensitivity ({model['lesions']} lesions)",
        xlim=(0, 2 * RATES[-1]), ylim=(0, 1.02),
    )  # fmt: skip
    axes.grid(alpha=0.3)
    axes.legend(fontsize=8, loc="upper left")
    return figure
