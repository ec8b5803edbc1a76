"""The command `check`: proofs of what is claimed of security, in every setting."""

from __future__ import annotations

import sys
from pathlib import Path

import click

from generator.command_help import examples
from generator.errors import UserError
from generator.exit_codes import FAILED
from generator.folders import PARAMS, TEMPLATES_OUT

CHECK_TOOLS = Path(".venv-checks")
SECURITY_PAGE = Path("docs/security.md")
PROOFS = ("exposure", "permissions", "rule-sets", "supply-chain")
"""What can be asked for alone; `generator.checks.proofs` has the same with spaces."""


@click.command(
    epilog=examples(
        "check",
        "check --only exposure",
        "check --json > claims.json",
        then="a broken claim shows the packet or request that breaks it; docs/security.md says how it is proved",
    )
)
@click.option("--only", multiple=True, type=click.Choice(PROOFS), help="Only this proof; may be repeated.")
@click.option("--write", is_flag=True, help="Write the list of claims to the documentation.")
@click.option("--json", "as_json", is_flag=True, help="Print the verdicts as JSON.")
def check(only: tuple[str, ...], write: bool, as_json: bool) -> None:
    """Prove who can reach what and who may do what, and hold the templates to rules of others; fail otherwise."""
    from generator.checks.proofs import PROOFS as ALL
    from generator.checks.proofs import prove
    from generator.checks.rule_sets.tool_environment import ToolEnvironment
    from generator.environment import load_all
    from generator.release import folder_of
    from generator.reports.generated_section import update, with_section
    from generator.reports.verdicts import SECTION, claims, print_verdicts
    from generator.reports.verdicts_json import to_json
    from generator.terminal import next_step, results, working

    if write and only:
        raise UserError("--write lists the claims of all proofs: leave out --only")
    wanted = [name.replace("-", " ") for name in only] or ALL
    release, tools = folder_of(TEMPLATES_OUT), ToolEnvironment(CHECK_TOOLS)
    with working("reading the release") as say:
        verdicts = prove(Path.cwd(), release, load_all(PARAMS), tools, say, wanted)
    all_hold = all(verdict.holds for verdict in verdicts)
    if as_json:
        click.echo(to_json(verdicts), nl=False)
    else:
        print_verdicts(results(), verdicts)
    if write:
        update(SECURITY_PAGE, SECTION, claims(verdicts))
    page = SECURITY_PAGE.read_text(encoding="utf-8")
    if claims(verdicts) not in page if only else page != with_section(page, SECTION, claims(verdicts)):
        raise UserError(f"{SECURITY_PAGE}: lists other claims than were examined; write it with make check WRITE=yes")
    if not all_hold:
        next_step("mend what the boxes name, or waive a rule in params/rule_waivers.yaml with its reason")
        sys.exit(FAILED)
    next_step("see the release work: make rehearse")
