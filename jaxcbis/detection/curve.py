"""What a free-response scoring shows: its figures in the terminal, and the curve."""

from matplotlib.figure import Figure

from jaxcbis.detection.froc import RATES
from jaxcbis.machine.console import say, warn
from jaxcbis.report.figures.style import BLUE, VERMILLION


def show(answer: dict) -> None:
    """Prints the sensitivities, and what was left out.

    Args:
      answer: content of froc.json.
    """
    model = answer["model"]
    say(f"Sensitivity to {model['lesions']} lesions in {model['images']} mammograms:")
    say("  false positives per image  " + "".join(f"{rate:>7}" for rate in RATES))
    for name in ("model", "brightness", "chance"):
        at = answer[name]["sensitivity_at"]
        say(f"  {name:<27}" + "".join(f"{at[str(rate)]:>7.2f}" for rate in RATES))
    for item in answer["dropped"]:
        warn(f"left out {item['id']}: {item['reason']}")


def draw(answer: dict) -> Figure:
    """The curves of the model, of brightness and of chance.

    Args:
      answer: content of froc.json.
    """
    model, chance = answer["model"], answer["chance"]["sensitivity_at"]
    figure = Figure(figsize=(5, 4), layout="constrained")
    axes = figure.subplots()
    for name, style, colour in (
        ("model", "-", BLUE),
        ("brightness", "--", VERMILLION),
    ):
        rates, found = (answer[name][key] for key in ("false_positives_per_image", "sensitivity"))
        axes.step(rates, found, style, where="post", color=colour, label=name)
    axes.plot(list(RATES), list(chance.values()), "o:", color="0.5", label="chance")
    axes.set_xscale("symlog", linthresh=RATES[0], base=2)
    axes.set_xticks([0, *RATES], ["0", *map(str, RATES)], fontsize=7)
    axes.set(
        xlabel=f"false positives per image ({model['images']} mammograms)",
        ylabel=f"sensitivity ({model['lesions']} lesions)",
        xlim=(0, 2 * RATES[-1]), ylim=(0, 1.02),
    )  # fmt: skip
    axes.grid(alpha=0.3)
    axes.legend(fontsize=8)
    return figure
