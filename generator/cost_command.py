"""The command `cost`: what each account costs in a month, what a change costs, and what would cost less."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING

import click

from generator.command_help import examples
from generator.environment import ENVIRONMENTS
from generator.errors import UserError
from generator.folders import PARAMS, TEMPLATES_OUT
from generator.other_settings import parse
from generator.progress import Say, counted, silent
from generator.whole_files import write_whole

if TYPE_CHECKING:
    from rich.console import Console

    from generator.checks.settings import Setting
    from generator.cost.advice import Advice
    from generator.cost.comparison import AccountComparison
    from generator.cost.estimate import Estimate
    from generator.cost.prices import PriceTable
    from generator.cost.usage import Usage
    from generator.environment import TemplateConfiguration

USAGE = "usage.yaml"
PAGE, PICTURE = Path("docs/cost.md"), Path("docs/pictures/cost.svg")


@dataclass(frozen=True)
class Report:
    """Everything that one run of the command has to say."""

    estimates: Sequence[Estimate]
    regions: Sequence[str]
    advice: Sequence[Advice]
    warnings: Sequence[str]
    prices: PriceTable
    usages: Mapping[str, Usage]
    title: str
    comparison: Sequence[AccountComparison]


@click.command(
    epilog=examples(
        "cost",
        "cost --environment prod --by resource",
        "cost --compare v1.1.0",
        "cost --set NatGateways=single --json",
        then="what would cost less stands below the table; usage is in params/usage.yaml; docs/cost.md explains it",
    )
)
@click.option("--environment", "-e", "names", multiple=True, help="Only this environment; may be repeated.")
@click.option("--by", type=click.Choice(["stack", "item", "resource"]), default="stack", show_default=True)
@click.option("--format", "form", type=click.Choice(["table", "markdown", "json"]), default="table", show_default=True)
@click.option("--json", "as_json", is_flag=True, help="The same as --format json.")
@click.option("--compare", "former", metavar="FROM", help="With this release, v1.1.0, or this folder of settings.")
@click.option("--set", "settings", multiple=True, metavar="NAME=VALUE", help="Another setting than in params.")
@click.option("--write", is_flag=True, help="Write tables and picture to the documentation.")
@click.option("--refresh", is_flag=True, help="Ask the AWS price list for all figures first, and write them down.")
def cost(
    names: tuple[str, ...],
    by: str,
    form: str,
    as_json: bool,
    former: str | None,
    settings: tuple[str, ...],
    write: bool,
    refresh: bool,
) -> None:
    """Estimate what each account costs in a month, and what would cost less."""
    from generator.terminal import narration, next_step, results, working

    if write and (names or former or settings):
        raise UserError("--write writes what all accounts cost as they are: leave out -e, --compare and --set")
    chosen = "json" if as_json else form
    told = narration(json=chosen != "table")
    if refresh:
        _refresh(told)
    with working("reading the release") as say:
        report = _report(names, former, parse(settings), say)
        written = _write(report) if write else ""
    if written:
        told.print(written, soft_wrap=True)
    if chosen == "json":
        from generator.reports.cost_json import to_json

        click.echo(
            to_json(report.estimates, report.prices, report.advice, report.warnings, report.comparison), nl=False
        )
    elif chosen == "markdown":
        click.echo(_markdown(report))
    else:
        _print(report, by, results())
    next_step("who pays for what: --by resource; what a setting costs: --set NatGateways=single; all options: --help")


def _report(names: Sequence[str], former: str | None, other: Mapping[str, str], say: Say = silent) -> Report:
    from generator.cost.accounts import tools_account
    from generator.cost.comparison import compare
    from generator.cost.estimate import estimate, warnings
    from generator.cost.prices import load_prices
    from generator.cost.usage import load_usage
    from generator.environment import load_all, select
    from generator.release import folder_of

    release, prices, usages = folder_of(TEMPLATES_OUT), load_prices(), load_usage(PARAMS / USAGE)
    settings = [_setting(each, other) for each in select(load_all(PARAMS), names)]
    tools = None if names else tools_account(release, settings[-1].region)
    pipeline = [estimate(tools, usages, prices)] if tools else []
    environments = [
        _estimate(release, each, usages, prices) for each in counted(settings, "estimating environment", say)
    ]
    say("looking for what would cost less" if not (former or other) else "estimating what it was before")
    estimates = [*environments, *pipeline]
    title, before = _before(release, names, former, other, usages, prices, with_tools=not names)
    return Report(
        estimates,
        sorted({each.region for each in settings}),
        [] if before else _advice(release, settings, environments, usages, prices),
        warnings(estimates, datetime.now(UTC).date()),
        prices,
        usages,
        title,
        compare(before, estimates) if before else (),
    )


def _before(
    release: Path,
    names: Sequence[str],
    former: str | None,
    other: Mapping[str, str],
    usages: Mapping[str, Usage],
    prices: PriceTable,
    with_tools: bool,
) -> tuple[str, list[Estimate]]:
    """Return what is compared with: another release, another folder of settings, or the settings as they are."""
    from generator.cost.accounts import tools_account
    from generator.cost.estimate import estimate
    from generator.environment import load_all, select

    if not (former or other):
        return "", []
    folder, title = PARAMS, f"What {' '.join(f'{name}={value}' for name, value in other.items())} changes"
    if former:
        is_settings = Path(former).is_dir() and any(Path(former).glob("*.json"))
        folder = Path(former) if is_settings else PARAMS
        release = release if is_settings else _release(former)
        title = f"From {former} to {'these settings' if is_settings else 'this release'}"
    settings = [_setting(each, {}) for each in select(load_all(folder), names)]
    found = [_estimate(release, each, usages, prices) for each in settings]
    tools = tools_account(release, settings[-1].region) if with_tools else None
    return title, [*found, estimate(tools, usages, prices)] if tools else found


def _release(name: str) -> Path:
    folder = TEMPLATES_OUT / name
    if not folder.is_dir():
        known = ", ".join(sorted(path.name for path in TEMPLATES_OUT.glob("v*")))
        raise UserError(f"--compare {name}: is neither a release ({known}) nor a folder with settings")
    return folder


def _estimate(release: Path, setting: Setting, usages: Mapping[str, Usage], prices: PriceTable) -> Estimate:
    from generator.cost.accounts import environment_account
    from generator.cost.estimate import estimate

    return estimate(environment_account(release, setting), usages, prices)


def _setting(configuration: TemplateConfiguration, other: Mapping[str, str]) -> Setting:
    """Return an environment's settings with some of them changed."""
    from generator.checks.settings import Setting

    parameters = {**configuration.parameters(), **other}
    return Setting(configuration.source.stem, parameters, configuration.region)


def _advice(
    release: Path,
    settings: Sequence[Setting],
    estimates: Sequence[Estimate],
    usages: Mapping[str, Usage],
    prices: PriceTable,
) -> list[Advice]:
    """Return advice on the dearest environment: the others are usually smaller copies of it."""
    from generator.cost.advice import Situation, advise

    dearest = max(range(len(estimates)), key=lambda number: estimates[number].total)
    return advise(Situation(release, settings[dearest], estimates[dearest], usages, prices))


def _print(report: Report, by: str, console: Console) -> None:
    from generator.reports.cost import print_advice, print_comparison, print_details, print_estimates, print_items
    from generator.reports.cost_words import assumptions

    if report.comparison:
        print_comparison(console, report.title, report.comparison)
    elif by == "resource":
        for estimate in report.estimates:
            print_details(console, estimate, report.prices)
    elif by == "item":
        print_items(console, report.estimates, report.prices)
    else:
        print_estimates(console, report.estimates)
        print_advice(console, report.advice)
    console.print(
        assumptions(report.estimates, report.regions), style="dim", soft_wrap=not console.is_terminal, markup=False
    )
    for warning in report.warnings:
        console.print(warning, style="bold red", soft_wrap=True, markup=False)


def _markdown(report: Report) -> str:
    from generator.reports.cost_markdown import advice_table, comparison_table, estimates_table
    from generator.reports.cost_words import assumptions

    note = assumptions(report.estimates, report.regions)
    if report.comparison:
        parts = [comparison_table(report.title, report.comparison), note]
    else:
        parts = [estimates_table(report.estimates, note), advice_table(report.advice)]
    return "\n\n".join([*parts, *(f"**{warning}**" for warning in report.warnings)])


def _write(report: Report) -> str:
    """Write page and picture, or neither; return what to say. Raises `UserError` where the page lacks a section."""
    from generator.cost.computes import choices
    from generator.environment import load_all
    from generator.release import folder_of
    from generator.reports.cost_markdown import sections
    from generator.reports.cost_picture import draw
    from generator.reports.cost_words import assumptions
    from generator.reports.generated_section import with_section

    note = assumptions(report.estimates, report.regions)
    settings = [_setting(each, {}) for each in load_all(PARAMS)]
    computes = choices(folder_of(TEMPLATES_OUT), settings, report.usages, report.prices)
    before = after = PAGE.read_text(encoding="utf-8")
    contents = sections(report.estimates, report.advice, computes, report.usages, report.prices, note)
    for name, content in contents.items():
        after = with_section(after, name, content)
    picture = draw(report.estimates, ENVIRONMENTS[-1], report.prices, note)
    write_whole(PAGE, after)
    write_whole(PICTURE, picture)
    return f"{PAGE}: {'written' if after != before else 'nothing changed'}; {PICTURE}: written"


def _refresh(console: Console) -> None:
    from generator.cost.prices import PRICES, load_prices
    from generator.cost.refresh import PRICE_LIST_REGION, refresh, to_yaml
    from generator.delivery import session

    with session.explained("asking the AWS price list"):
        found = refresh(session.client("pricing", PRICE_LIST_REGION), load_prices(), datetime.now(UTC).date())
    write_whole(PRICES, to_yaml(found.table))
    for where, (before, after) in found.changed.items():
        console.print(f"{where}: {before:f} is now {after:f}", soft_wrap=True)
    for where, why in found.unanswered.items():
        console.print(f"{where}: {why} in AWS's answer; the figure stays as it was", style="yellow", soft_wrap=True)
    console.print(f"{PRICES.name}: written; look at the difference before you commit it", soft_wrap=True)
