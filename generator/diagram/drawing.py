"""All pages of the drawing, for one environment and the account of the pipeline."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path

from generator.checks.settings import Setting
from generator.cost.accounts import Account, environment_account, tools_account
from generator.diagram import delivery, network, overview, security
from generator.diagram.collisions import problems
from generator.diagram.coverage import left_out
from generator.diagram.facts import Facts
from generator.diagram.finished import FinishedPage, finish
from generator.diagram.routing import NoWay
from generator.environment import load_all
from generator.errors import UserError
from generator.naming import TOOLS
from generator.release import folder_of


def drawing_of(templates_out: Path, params: Path, environment: str, other: Mapping[str, str]) -> list[FinishedPage]:
    """Return the pages of the current release, one environment with `other` settings than its own.

    Raises `UserError` where something of the release is on no page, or a page cannot be shown to anybody.
    """
    release = folder_of(templates_out)
    configurations = load_all(params)
    accounts = []
    for each in configurations:
        name = each.environment.environment_name.literal
        given = {**each.parameters(), **(other if name == environment else {})}
        accounts.append(environment_account(release, Setting(name, given, each.region)))
    tools = tools_account(release, configurations[-1].region)
    try:
        pages = draw([*accounts, tools] if tools else accounts, environment, release.name)
    except NoWay as error:
        raise UserError(f"the drawing has no room for everything: {error}") from error
    shown = [account for account in (*accounts, tools) if account and account.name in (environment, TOOLS)]
    found = [*left_out(pages, shown), *(text for page in pages for text in problems(page))]
    if found:
        raise UserError("\n".join(found))
    return pages


def draw(accounts: Sequence[Account], environment: str, release: str) -> list[FinishedPage]:
    """Return the pages of an environment, and that of the pipeline where the release has one.

    Raises `NoWay` for a page on which a connection cannot be drawn without touching something, and `UserError` where
    the release has no VPC of its own.
    """
    chosen = next(account for account in accounts if account.name == environment)
    facts = Facts(overview.platform_of(chosen))
    if not facts.subnets():
        raise UserError("the drawing shows the VPC of the release, and this release makes no subnet")
    pages = [overview.draw(chosen, release), network.draw(chosen, facts), security.draw(chosen, facts)]
    if accounts[-1].name == TOOLS:
        pages.append(delivery.draw(accounts))
    return [finish(page) for page in pages]
