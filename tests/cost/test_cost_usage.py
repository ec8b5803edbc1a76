"""The assumptions on usage: all of them stated, none misspelled, shares below one."""

from __future__ import annotations

from dataclasses import fields
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest
import yaml

from generator.cost.prices import read_mapping
from generator.cost.usage import OTHERS, Usage, amount, load_usage
from generator.environment import ENVIRONMENTS
from generator.errors import UserError
from generator.naming import TOOLS

ROOT = Path(__file__).parents[2]
REAL = ROOT / "params" / "usage.yaml"


def written(folder: Path, account: str, **changes: Any) -> Path:
    content = read_mapping(REAL)
    content[account] = {name: value for name, value in {**content[account], **changes}.items() if value is not None}
    path = folder / "usage.yaml"
    path.write_text(yaml.safe_dump(content), encoding="utf-8")
    return path


def test_every_account_says_what_it_uses(usages: dict[str, Usage]) -> None:
    assert list(usages) == [*ENVIRONMENTS, TOOLS]


@pytest.mark.parametrize("field", [f.name for f in fields(Usage) if f.metadata["environments"]])
def test_no_figure_may_be_left_out(tmp_path: Path, field: str) -> None:
    with pytest.raises(UserError, match=rf"usage.yaml: prod/{field} is missing: .* Unit: "):
        load_usage(written(tmp_path, "prod", **{field: None}))


@pytest.mark.parametrize(
    ("account", "changes", "message"),
    [
        ("prod", {"web_requests": 1}, "prod: web_requests is unknown; allowed: extra_server_hours,"),
        ("prod", {"pipeline_runs": 1}, "prod: pipeline_runs is unknown"),
        (TOOLS, {"application_requests": 1}, "tools: application_requests is unknown"),
        ("prod", {"files": -1}, "prod/files: -1 is not allowed; allowed: a number that is not negative"),
        ("prod", {"files": True}, "prod/files: True is not allowed"),
        ("prod", {"log_compression": 1.5}, "prod/log_compression: 1.5 is not allowed; allowed: a share"),
        ("prod", {"logs": {"FlowLogGroup": 1}}, "prod/logs: must hold amounts by logical id, and one for others"),
        ("prod", {"logs": 3}, "prod/logs: must hold amounts"),
    ],
)
def test_what_is_wrong_is_named(tmp_path: Path, account: str, changes: dict[str, Any], message: str) -> None:
    with pytest.raises(UserError, match=message):
        load_usage(written(tmp_path, account, **changes))


def test_an_account_without_figures_is_named(tmp_path: Path) -> None:
    path = tmp_path / "usage.yaml"
    path.write_text("prod: much\n", encoding="utf-8")
    with pytest.raises(UserError, match="prod: must hold a mapping"):
        load_usage(path)


def test_what_is_not_named_uses_what_others_do() -> None:
    amounts = {"FlowLogGroup": Decimal(3), OTHERS: Decimal(1)}
    assert (amount(amounts, "FlowLogGroup"), amount(amounts, "AccessLogGroup"), amount({}, "Any")) == (3, 1, 0)


def test_log_groups_and_buckets_that_are_named_exist(usages: dict[str, Usage], accounts: dict[str, Any]) -> None:
    """A misspelled name would silently use what others do."""
    for name, account in accounts.items():
        existing = {
            resource.logical_id
            for root in account.roots
            for resource in root.resolution.resources.values()
            if resource.type
            in ("AWS::Logs::LogGroup", "AWS::ECR::Repository", "AWS::S3::Bucket", "AWS::CodeBuild::Project")
        }
        usage = usages[name]
        tables = (usage.logs, usage.images, usage.buckets, usage.bucket_writes, usage.bucket_reads, usage.build_minutes)
        named = {key for amounts in tables for key in amounts} - {OTHERS}
        assert named <= existing, name
