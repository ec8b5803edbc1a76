"""The figures of the slides, read from the release and from what the documents' generated sections hold.

None is typed: a slide that says how many resources there are says what the current templates become.
"""

from __future__ import annotations

import json
import re
import subprocess
import sys
from decimal import Decimal
from pathlib import Path

import yaml

from generator import __version__
from generator.checks.deployment_time import deployment_time
from generator.checks.settings import Setting, all_settings, resolved
from generator.environment import load_all
from generator.errors import UserError
from generator.release import folder_of, read_manifest
from generator.resolver import NESTED_STACK, Resolution
from generator.runbook.pages import read_pages
from tests.working_copy import ROOT

ALARM = "AWS::CloudWatch::Alarm"
COMPOSITE = "AWS::CloudWatch::CompositeAlarm"
NAT_STACK = "Egress"
MODELLED = "nested stacks"
"""How the subjects of `make bench` begin that are calculated and not measured."""
PARAMS, TEMPLATES_OUT = ROOT / "params", ROOT / "templates_out"


def figures() -> dict[str, str]:
    """Return every figure by its name, as the slides write it: `${resources_prod}`."""
    return {
        "version": __version__,
        **_release(),
        **_environments(),
        **_claims(),
        **_cost(),
        **_documents(),
    }


def _release() -> dict[str, str]:
    templates = read_manifest(folder_of(TEMPLATES_OUT))["templates"]
    roots = [name for name, entry in templates.items() if entry["root"]]
    lines = sum(len((folder_of(TEMPLATES_OUT) / name).read_text(encoding="utf-8").splitlines()) for name in templates)
    return {
        "templates": str(len(templates)),
        "roots": str(len(roots)),
        "stacks": str(len(templates) - len(roots)),
        "template_lines": f"{lines:,}",
    }


def _environments() -> dict[str, str]:
    configurations = load_all(PARAMS)
    release = folder_of(TEMPLATES_OUT)
    found: dict[str, str] = {"settings": str(len(all_settings(configurations)))}
    for each in configurations:
        name = each.source.stem
        platform = resolved(release, Setting(name, each.parameters(), each.region))
        time = deployment_time(platform)
        found |= {
            f"resources_{name}": str(len(platform.resources)),
            f"minutes_{name}": f"{time.typical / 60:.0f}",
            f"flat_ratio_{name}": f"{time.typical / time.flat:.2f}",
            f"alarms_{name}": str(_count(platform, ALARM) + _count(platform, COMPOSITE)),
        }
        shown = each.parameters()
        found |= {f"scale_out_{name}": shown["ScaleOutCpuPercent"], f"maximum_{name}": shown["WebServerMaximum"]}
    found["environments"] = str(len(configurations))
    found["nested_prod"] = str(_count(platform, NESTED_STACK))
    found["types_prod"] = str(len({resource.type for resource in platform.resources.values()}))
    return found


def _count(platform: Resolution, kind: str) -> int:
    return sum(resource.type == kind for resource in platform.resources.values())


def _claims() -> dict[str, str]:
    """Count the claims of `make check`, which holds the page to them."""
    section = _section("docs/security.md", "claims")
    counts = {
        heading.lower().replace(" ", "_"): len(_rows(text))
        for heading, text in re.findall(r"^### (.+?)\n(.*?)(?=^### |\Z)", section, re.MULTILINE | re.DOTALL)
    }
    return {"claims": str(sum(counts.values())), **{f"claims_{name}": str(count) for name, count in counts.items()}}


def _cost() -> dict[str, str]:
    asked = [sys.executable, "-m", "generator", "cost", "--json"]
    accounts = json.loads(subprocess.run(asked, cwd=ROOT, capture_output=True, check=True).stdout)["accounts"]
    found = {f"cost_{name}": f"{Decimal(account['total']):.0f}" for name, account in accounts.items()}
    found |= {f"budget_{name}": str(account["budget"]) for name, account in accounts.items() if account["budget"]}
    prod = accounts["prod"]
    egress = sum((Decimal(line["cost"]) for line in prod["lines"] if line["stack"] == NAT_STACK), Decimal())
    return found | {"egress_share_prod": f"{egress / Decimal(prod['total']):.0%}"}


def _documents() -> dict[str, str]:
    """Return what other generated sections say, each held to its source by a test of its own."""
    rows_of_scaling = _rows(_section("docs/scaling.md", "scaling"))
    scaling = [row for row in rows_of_scaling if row[-1] in ("holds", "broken")]
    drills = _rows(_section("docs/drills.md", "drills").partition("\n### ")[0])
    during = {row[0]: row for row in _rows(_section("docs/load.md", "load"))}["during"]
    return {
        "runbook_pages": str(len(read_pages(ROOT / "runbook.md"))),
        "scaling_claims": str(len(scaling)),
        "scaling_held": str(sum(row[-1] == "holds" for row in scaling)),
        "loads": str(len({row[0] for row in rows_of_scaling if row[1] == "prod"})),
        "drills": str(len(drills)),
        "lost_requests": during[-1],
        "retried_requests": during[-2].split()[0],
        "not_proven": "\n".join(f"- **{point.rstrip('.')}**" for point in _not_proven()),
        "speed_targets": _speed_targets(),
    }


def _speed_targets() -> str:
    """Return the targets of `make bench` as a table, with what docs/performance.md says of each, if anything yet."""
    targets = yaml.safe_load((ROOT / "tests/bench/targets.yaml").read_text(encoding="utf-8"))
    by_target = _section("docs/performance.md", "performance").partition("\n### ")[0]
    measured = {row[0]: row[4].partition(" ")[0] for row in _rows(by_target)}
    rows = [
        f"| {each['target']} | {each['bound']:g} | {measured.get(each['target'], 'not measured yet')} |"
        for each in targets
        if not each["subject"].startswith(MODELLED)
    ]
    return "\n".join(["| what is compared | at most | measured |", "|---|---:|---:|", *rows])


def _not_proven() -> list[str]:
    """Return the headings of what `make check` cannot prove."""
    page = (ROOT / "docs/security.md").read_text(encoding="utf-8")
    section = page.partition("## What cannot be proved here")[2]
    return re.findall(r"^- \*\*(.+?)\*\*", section, re.MULTILINE)


def _section(page: str, name: str) -> str:
    text = Path(ROOT, page).read_text(encoding="utf-8")
    found = re.search(rf"<!-- {name}: begin -->\n(.*?)<!-- {name}: end -->", text, re.DOTALL)
    if found is None:
        raise UserError(f"{page}: has no section {name}, from which the slides take figures")
    return found[1]


def _rows(text: str) -> list[list[str]]:
    """Return the cells of a text's table rows, without heads."""
    rows = [[cell.strip() for cell in line.strip("|").split("|")] for line in text.splitlines() if line.startswith("|")]
    heads = {number - 1 for number, row in enumerate(rows) if set("".join(row)) <= set("-:")}
    return [row for number, row in enumerate(rows) if number not in heads and number - 1 not in heads]
