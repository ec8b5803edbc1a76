"""What tasks cost follows from their size, their number, their hours and where they run."""

from __future__ import annotations

from dataclasses import replace
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest

from generator.checks.settings import Setting, resolved
from generator.cost.billing import bill
from generator.cost.charges import Charge, Surroundings
from generator.cost.prices import HOURS_A_MONTH
from generator.cost.usage import Usage
from generator.errors import UserError

SERVICE = "Containers/Service"


def fargate(release: Path, settings: dict[str, Setting], usage: Usage, name: str, **parameters: str) -> Surroundings:
    """Return an environment as it is with containers alone, and with other settings changed."""
    setting = settings[name]
    changed = replace(setting, parameters={**setting.parameters, "Compute": "fargate", **parameters})
    platform = resolved(release, changed)
    return Surroundings(platform, usage, [platform])


def charges(around: Surroundings, address: str = SERVICE, **properties: Any) -> dict[str, Charge]:
    found = around.resolution.resources[address]
    changed = replace(found, properties={**found.properties, **properties})
    return {entry.item: entry for entry in bill(changed, around) if isinstance(entry, Charge)}


def test_tasks_are_billed_by_size_and_hours(
    release: Path, settings: dict[str, Setting], usages: dict[str, Usage]
) -> None:
    usage = replace(usages["prod"], extra_server_hours=Decimal(60))
    small = charges(fargate(release, settings, usage, "prod"))
    assert small["fargate.vcpu"].quantity == (2 * HOURS_A_MONTH + 60) / 2
    assert small["fargate.memory"].quantity == 2 * HOURS_A_MONTH + 60
    assert "fargate_spot.vcpu" not in small
    large = charges(fargate(release, settings, usage, "prod", ContainerSize="large"))
    assert large["fargate.vcpu"].quantity == 4 * small["fargate.vcpu"].quantity
    assert large["fargate.memory"].quantity == 4 * small["fargate.memory"].quantity


def test_the_first_task_is_never_on_spare_capacity(
    release: Path, settings: dict[str, Setting], usages: dict[str, Usage]
) -> None:
    usage = replace(usages["prod"], extra_server_hours=Decimal(40))
    found = charges(fargate(release, settings, usage, "prod", FargateSpotShare="75"))
    further = HOURS_A_MONTH + 40
    assert found["fargate_spot.memory"].quantity == further * 3 / 4
    assert found["fargate.memory"].quantity == HOURS_A_MONTH + further / 4


def test_tasks_of_office_hours_cost_nothing_at_night(
    release: Path, settings: dict[str, Setting], usages: dict[str, Usage]
) -> None:
    usage = replace(usages["dev"], extra_server_hours=Decimal(0))
    by_day = charges(fargate(release, settings, usage, "dev", OfficeHoursOnly="true"))
    always = charges(fargate(release, settings, usage, "dev", OfficeHoursOnly="false"))
    assert by_day["fargate.memory"].quantity == pytest.approx(always["fargate.memory"].quantity * 65 / 168)
    assert by_day["container_insights.metric"].quantity < always["container_insights.metric"].quantity


def test_load_cannot_be_more_than_the_maximum_allows(
    release: Path, settings: dict[str, Setting], usages: dict[str, Usage]
) -> None:
    usage = replace(usages["prod"], extra_server_hours=Decimal(100_000))
    assert charges(fargate(release, settings, usage, "prod"))["fargate.memory"].quantity == 3 * HOURS_A_MONTH


def test_images_are_billed_by_what_their_repository_holds(usages: dict[str, Usage], accounts: Any) -> None:
    tools = {root.name: root.resolution for root in accounts["tools"].roots}["tools_account"]
    usage = replace(usages["tools"], images={"ApplicationRepository": Decimal(7), "others": Decimal(1)})
    around = Surroundings(tools, usage, [tools])
    assert charges(around, "ApplicationRepository")["ecr.storage"].quantity == 7
    assert charges(around, "CollectorRepository")["ecr.storage"].quantity == 1


def test_a_service_that_nothing_scales_is_refused(
    release: Path, settings: dict[str, Setting], usages: dict[str, Usage]
) -> None:
    around = fargate(release, settings, usages["prod"], "prod")
    alone = {address: each for address, each in around.resolution.resources.items() if "ScalableTarget" not in address}
    lost = replace(around, resolution=replace(around.resolution, resources=alone))
    with pytest.raises(UserError, match="no scalable target says how many tasks it runs"):
        charges(lost)
