"""Figures that the requirements state, held on what the release becomes in each environment."""

from __future__ import annotations

import pytest

from generator.release import folder_of
from generator.resolver import Resolution
from tests.releases import ROOT, resolution

AUDIT = "Access/AccessLogGroup"
"""Who entered the bastion is kept for as long as audits need it, not for a week."""


@pytest.fixture(scope="module", params=["dev", "staging", "prod"])
def platform(request: pytest.FixtureRequest) -> Resolution:
    """The current release with an environment's settings of today."""
    return resolution(folder_of(ROOT / "templates_out"), request.param)


def test_e8_web_servers_are_t3_micro(platform: Resolution) -> None:
    data = platform.resources["WebTier/LaunchTemplate"].properties["LaunchTemplateData"]
    assert data["InstanceType"] == "t3.micro"


def test_e9_database_is_postgresql_on_db_t3_micro(platform: Resolution) -> None:
    instances = [each.properties for each in platform.of_type("AWS::RDS::DBInstance")]
    assert {(each["Engine"], each["DBInstanceClass"]) for each in instances} == {("postgres", "db.t3.micro")}
    assert [each["PubliclyAccessible"] for each in instances] == [False] * len(instances)


def test_e15_logs_are_kept_for_a_week_and_monitoring_is_detailed(platform: Resolution) -> None:
    days = {each.address: each.properties["RetentionInDays"] for each in platform.of_type("AWS::Logs::LogGroup")}
    assert {"Network/FlowLogGroup", "WebTier/WebServerLogGroup", "Database/PostgresqlLogGroup"} <= days.keys()
    assert int(days.pop(AUDIT)) >= 365
    assert set(days.values()) == {7}
    templates = [each.properties["LaunchTemplateData"] for each in platform.of_type("AWS::EC2::LaunchTemplate")]
    assert [each["Monitoring"] for each in templates] == [{"Enabled": True}] * 2
    assert {each.properties["MonitoringInterval"] for each in platform.of_type("AWS::RDS::DBInstance")} == {60}


def test_e16_backups_of_the_database_are_kept_for_seven_days(platform: Resolution) -> None:
    assert platform.resources["Database/Database"].properties["BackupRetentionPeriod"] == 7
    [rule] = platform.resources["Recovery/BackupPlan"].properties["BackupPlan"]["BackupPlanRule"]
    assert rule["Lifecycle"]["DeleteAfterDays"] == 7
