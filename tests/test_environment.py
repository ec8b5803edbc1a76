"""The params files: the real ones load, and whatever is wrong in one is named with its file and key."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any, Protocol

import pytest
from hypothesis import given
from hypothesis import strategies as st

from generator.environment import ENVIRONMENTS, REQUIRED_TAGS, Environment, load, load_all
from generator.errors import UserError
from generator.naming import pascal_case

PARAMETERS = {
    "EnvironmentName": "dev",
    "VpcCidr": "10.10.0.0/16",
    "AvailabilityZoneA": "eu-west-1a",
    "AvailabilityZoneB": "eu-west-1b",
    "OperatorCidr": "203.0.113.0/24",
}
TAGS = {"Project": "web-platform", "Environment": "dev", "Owner": "platform-team", "CostCenter": "web"}


class Write(Protocol):
    """Writes a params file and returns its path."""

    def __call__(self, *, name: str = ..., tags: Mapping[str, Any] = ..., **parameters: Any) -> Path: ...


@pytest.fixture
def write(tmp_path: Path) -> Write:
    def write_file(*, name: str = "dev", tags: Mapping[str, Any] = TAGS, **parameters: Any) -> Path:
        path = tmp_path / f"{name}.json"
        path.write_text(json.dumps({"Parameters": PARAMETERS | parameters, "Tags": tags}))
        return path

    return write_file


def refusal(path: Path) -> str:
    """Return what `load` says against a file; the file's path leads every line."""
    with pytest.raises(UserError) as caught:
        load(path)
    message = str(caught.value)
    assert all(line.startswith(f"{path}: ") for line in message.splitlines())
    return message


# The real files


@pytest.mark.parametrize("region", ["eu-west-1", "ap-southeast-2", "us-gov-west-1"])
def test_the_region_is_the_one_of_the_zones(write: Write, region: str) -> None:
    path = write(AvailabilityZoneA=f"{region}a", AvailabilityZoneB=f"{region}b")
    assert load(path).region == region


def test_real_environments_load_in_the_order_of_promotion(params_folder: Path) -> None:
    loaded = load_all(params_folder)
    assert tuple(one.environment.environment_name.literal for one in loaded) == ENVIRONMENTS


@pytest.mark.parametrize("name", ENVIRONMENTS)
def test_real_file_is_handed_to_cloudformation_as_it_is(params_folder: Path, name: str) -> None:
    content = json.loads((params_folder / f"{name}.json").read_text())
    loaded = load(params_folder / f"{name}.json")
    assert loaded.parameters() == content["Parameters"]
    assert loaded.tags == content["Tags"]
    assert loaded.stack_policy == content.get("StackPolicy")


@pytest.mark.parametrize("name", ENVIRONMENTS)
def test_real_file_spells_out_every_setting(params_folder: Path, name: str) -> None:
    """What an environment has is read in one file, not in a file and the defaults of another."""
    content = json.loads((params_folder / f"{name}.json").read_text())
    assert list(content["Parameters"]) == [pascal_case(field) for field in Environment.__dataclass_fields__]


@pytest.mark.parametrize(
    ("name", "expected"),
    [("dev", ("1", "2", "70")), ("staging", ("2", "3", "80")), ("prod", ("2", "3", "80"))],
)
def test_w8_e12_servers_and_threshold_of_each_environment(
    params_folder: Path, name: str, expected: tuple[str, ...]
) -> None:
    parameters = load(params_folder / f"{name}.json").parameters()
    settings = ("WebServerMinimum", "WebServerMaximum", "ScaleOutCpuPercent")
    assert tuple(parameters[setting] for setting in settings) == expected


def test_d10_production_is_protected_and_survives_the_loss_of_a_zone(params_folder: Path) -> None:
    production = load(params_folder / "prod.json")
    parameters = production.parameters()
    assert parameters["DeletionProtection"] == "true"
    assert parameters["DatabaseMultiAz"] == "true"
    assert parameters["NatGateways"] == "per-zone"
    assert production.stack_policy is not None
    [refused] = [statement for statement in production.stack_policy["Statement"] if statement["Effect"] == "Deny"]
    assert set(refused["Action"]) == {"Update:Replace", "Update:Delete"}
    assert {resource.removeprefix("LogicalResourceId/") for resource in refused["Resource"]} >= {"Database", "Storage"}


# One file


def test_defaults_fill_what_is_not_given(write: Write) -> None:
    parameters = load(write()).parameters()
    assert parameters["AvailabilityZoneC"] == ""
    assert parameters["WebServerMaximum"] == "3"
    assert parameters["DeletionProtection"] == "true"
    assert parameters["WebApplicationFirewall"] == "true"
    assert parameters["LoadBalancerAccess"] == "internet"
    assert parameters["ShieldAdvanced"] == "false"


def test_w1_load_balancer_behind_cloudfront_is_accepted_with_a_domain(write: Write) -> None:
    path = write(LoadBalancerAccess="cloudfront", DomainName="www.example.com", HostedZoneId="Z0123456789ABC")
    assert load(path).parameters()["LoadBalancerAccess"] == "cloudfront"


@pytest.mark.parametrize(
    ("content", "said"),
    [
        (b"{", "is not JSON: line 1, column 2"),
        (b"", "is not JSON"),
        (b"Parameters: {}", "is not JSON"),
        (b'{"Parameters": {}, }', "is not JSON"),
        (b'{"Tags": {"Owner": "\xe9quipe"}}', "is not UTF-8 text"),
        (b"\xff\xfe{\x00}\x00", "is not UTF-8 text"),
        (b"[]", "must hold one JSON object"),
        (b'"dev"', "must hold one JSON object"),
        (b'{"Parameters": {"VpcCidr": "10.0.0.0/16", "VpcCidr": "10.1.0.0/16"}}', "VpcCidr is given twice"),
        (b'{"Tags": {}, "Parameters": {}, "Tags": {}}', "Tags is given twice"),
        (b'{"Parameters": {}, "Secrets": {}}', "Secrets is unknown; allowed: Parameters, Tags, StackPolicy"),
        (b'{"Parameters": []}', "Parameters must be an object"),
        (b'{"Parameters": null}', "Parameters must be an object"),
        (b'{"Parameters": {}, "Tags": "none"}', "Tags must be an object"),
        (b'{"Parameters": {}, "StackPolicy": []}', "StackPolicy must be an object"),
    ],
)
def test_file_that_is_no_template_configuration(tmp_path: Path, content: bytes, said: str) -> None:
    path = tmp_path / "dev.json"
    path.write_bytes(content)
    assert said in refusal(path)


def test_file_that_is_not_there(tmp_path: Path) -> None:
    assert "cannot be read: No such file" in refusal(tmp_path / "dev.json")


def test_file_that_is_a_folder(tmp_path: Path) -> None:
    (tmp_path / "dev.json").mkdir()
    assert "cannot be read" in refusal(tmp_path / "dev.json")


@pytest.mark.parametrize("key", PARAMETERS)
def test_missing_key_is_named_and_described(write: Write, tmp_path: Path, key: str) -> None:
    path = tmp_path / "dev.json"
    path.write_text(
        json.dumps({"Parameters": {name: PARAMETERS[name] for name in PARAMETERS if name != key}, "Tags": TAGS})
    )
    assert f"Parameters: {key} is missing: " in refusal(path)


@pytest.mark.parametrize(
    ("parameters", "said"),
    [
        ({"VpcCird": "10.10.0.0/16"}, "VpcCird is unknown; allowed: EnvironmentName, VpcCidr, "),
        ({"TemplateBucketName": "a-bucket"}, "TemplateBucketName is unknown"),
        ({"EnvironmentName": None}, "EnvironmentName is missing"),
        ({"WebServerMaximum": 3}, 'WebServerMaximum must be a string, as CodePipeline demands; write "3"'),
        ({"DatabaseMultiAz": True}, 'DatabaseMultiAz must be a string, as CodePipeline demands; write "true"'),
        ({"VpcCidr": ["10.10.0.0/16"]}, "VpcCidr must be a string"),
        ({"EnvironmentName": "Dev"}, "EnvironmentName: 'Dev' is not allowed; allowed: 2 to 16 lower-case letters"),
        ({"DatabaseMultiAz": "yes"}, "DatabaseMultiAz: 'yes' is not allowed; allowed: true or false."),
        ({"AccessMode": "vpn"}, "AccessMode: 'vpn' is not allowed; allowed: ssm, ssh or none."),
        (
            {"DatabaseStorage": "10"},
            "DatabaseStorage: '10' is not allowed; allowed: A number of GiB between 20 and 1000.",
        ),
        ({"ScaleOutCpuPercent": "high"}, "ScaleOutCpuPercent: 'high' is not allowed"),
        ({"WebServerMaximum": "4"}, "WebServerMaximum: '4' is not allowed; allowed: 2 or 3 web servers"),
        ({"WebServerMinimum": "0"}, "WebServerMinimum: '0' is not allowed"),
        (
            {"VpcCidr": "10.10.0.0/20"},
            "VpcCidr: '10.10.0.0/20' is not allowed; allowed: A private IPv4 network of size /16",
        ),
        ({"VpcCidr": "10.10.16.0/16"}, "VpcCidr: '10.10.16.0/16' is not allowed"),
        ({"VpcCidr": "8.8.0.0/16"}, "VpcCidr: '8.8.0.0/16' is not allowed"),
        ({"VpcCidr": "10.999.0.0/16"}, "VpcCidr: '10.999.0.0/16' is no IPv4 network"),
        ({"OperatorCidr": "0.0.0.0/0"}, "OperatorCidr: '0.0.0.0/0' is not allowed"),
        ({"OperatorCidr": "::/0"}, "OperatorCidr: '::/0' is not allowed"),
        ({"VpnCidr": "172.20.0.0/16"}, "VpnGatewayAddress and VpnCidr are given together or not at all"),
        ({"VpnGatewayAddress": "198.51.100.10"}, "VpnGatewayAddress and VpnCidr are given together or not at all"),
        ({"VpnGatewayAddress": "198.51.100.10", "VpnCidr": "0.0.0.0/0"}, "VpnCidr: '0.0.0.0/0' is not allowed"),
        ({"VpnGatewayAddress": "192.168.1.1", "VpnCidr": "172.20.0.0/16"}, "is in 192.168.0.0/16, which the internet"),
        ({"VpnGatewayAddress": "100.64.7.1", "VpnCidr": "172.20.0.0/16"}, "give the device's public address"),
        ({"VpnGatewayAddress": "198.51.999.1", "VpnCidr": "172.20.0.0/16"}, "VpnGatewayAddress: '198.51.999.1' is no"),
        ({"VpnGatewayAddress": "198.51.100.1", "VpnCidr": "172.20.0.1/16"}, "VpnCidr: '172.20.0.1/16' is no"),
        ({"VpnGatewayAddress": "198.51.100.10", "VpnCidr": "10.0.0.0/8"}, "VpnCidr 10.0.0.0/8 overlaps VpcCidr"),
        ({"VpnGatewayAddress": "198.51.100.10", "VpnCidr": "10.10.5.0/24"}, "packets would not leave the VPC"),
        ({"FederatedSubject": "repo:my-team/my-shop:*"}, "FederatedSubject: 'repo:my-team/my-shop:*' is not allowed"),
        ({"OperatorCidr": "0.0.0.0/1"}, "OperatorCidr: '0.0.0.0/1' is not allowed"),
        ({"OperatorCidr": "128.0.0.0/7"}, "never the whole internet (0.0.0.0/0)"),
        (
            {"OperatorCidr": "203.0.113.7/24"},
            "OperatorCidr: '203.0.113.7/24' is no IPv4 network: 203.0.113.7/24 has host bits set; give one such as "
            "203.0.113.0/24",
        ),
        ({"OperatorCidr": "203.0.999.0/24"}, "OperatorCidr: '203.0.999.0/24' is no IPv4 network"),
        ({"AvailabilityZoneA": "eu-west-1"}, "AvailabilityZoneA: 'eu-west-1' is not allowed"),
        (
            {"AvailabilityZoneB": "eu-west-1a"},
            "AvailabilityZoneA, B and C must be different zones, not eu-west-1a, eu-west-1a",
        ),
        ({"AvailabilityZoneC": "eu-west-1b"}, "must be different zones, not eu-west-1a, eu-west-1b, eu-west-1b"),
        ({"AvailabilityZoneC": "eu-central-1c"}, "AvailabilityZoneA, B and C must be of one region"),
        ({"DomainName": "www.example.com"}, "DomainName and HostedZoneId are given together or not at all"),
        ({"HostedZoneId": "Z0123456789ABC"}, "DomainName and HostedZoneId are given together or not at all"),
        ({"LoadBalancerAccess": "vpn"}, "LoadBalancerAccess: 'vpn' is not allowed; allowed: internet or cloudfront."),
        (
            {"LoadBalancerAccess": "cloudfront"},
            "without a domain CloudFront forwards nothing to the load",
        ),
        (
            {
                "LoadBalancerAccess": "cloudfront",
                "DomainName": "www.example.com",
                "HostedZoneId": "Z0123456789ABC",
                "AvailabilityZoneA": "eu-south-2a",
                "AvailabilityZoneB": "eu-south-2b",
            },
            "CloudFront's prefix list in eu-south-2 is not known; add its id to generator/prefix_lists.py, which has",
        ),
        (
            {"WebServerMinimum": "2", "WebServerMaximum": "2"},
            "WebServerMaximum (2) must be above WebServerMinimum (2): a rolling update needs room",
        ),
        ({"EnvironmentName": "test"}, "Environment is 'dev', EnvironmentName 'test'"),
        ({"IncidentManager": "true"}, "IncidentManager pages nobody without OnCallEmail"),
        (
            {"OnCallEmail": "a@example.com", "SecondOnCallEmail": "b@example.com"},
            "SecondOnCallEmail takes turns with OnCallEmail where IncidentManager is 'true' only",
        ),
        ({"EscalationEmail": "a@example.com"}, "but nobody is paged; give OnCallEmail or OnCallUrl"),
        ({"OnCallUrl": "http://paging.example.com"}, "OnCallUrl: 'http://paging.example.com' is not allowed"),
        ({"RecoveryRegion": "eu-west-1"}, "RecoveryRegion is the environment's own region"),
        ({"TimeZone": "Europe/Atlantis"}, "TimeZone: 'Europe/Atlantis' is not in the IANA time zone database"),
        (
            {"OfficeHoursOnly": "true", "DatabaseReadReplica": "true"},
            "OfficeHoursOnly stops the database, which RDS refuses where DatabaseReadReplica is 'true'",
        ),
        (
            {"OfficeHoursOnly": "true", "TimeZone": "Asia/Tokyo"},
            "TimeZone must be between UTC-5 and UTC+4, or the windows in generator/office_hours.py others",
        ),
        (
            {"OfficeHoursOnly": "true", "TimeZone": "America/Los_Angeles"},
            "OfficeHoursOnly stops the database while RDS",
        ),
        (
            {"CostAnomalyMonitor": "yes"},
            "CostAnomalyMonitor: 'yes' is not allowed; allowed: none; new, where the account",
        ),
        ({"AuditRetentionDays": "366"}, "AuditRetentionDays: '366' is not allowed; allowed: Days: 90, 120"),
        ({"MonthlyBudget": "0"}, "MonthlyBudget: '0' is not allowed; allowed: Whole US dollars a month"),
        ({"Compute": "lambda"}, "Compute: 'lambda' is not allowed; allowed: ec2, fargate or both."),
        ({"ServerPaths": "checkout/*"}, "ServerPaths: 'checkout/*' is not allowed; allowed: One to four path patterns"),
        ({"ServerPaths": "/a,/b,/c,/d,/e"}, "ServerPaths: '/a,/b,/c,/d,/e' is not allowed; allowed: One to four"),
        ({"GreenShare": "30"}, "GreenShare: '30' is not allowed; allowed: 0, 10, 50 or 100."),
        (
            {"GreenShare": "10", "ApplicationArchiveKey": "shop/1.tar.gz"},
            "GreenArchiveKey is missing: green web servers would answer with the welcome page",
        ),
        (
            {"StandbyServers": "true", "ApplicationArchiveKey": "shop/1.tar.gz"},
            "GreenArchiveKey is missing: green web servers would answer with the welcome page",
        ),
        ({"TraceShare": "0"}, "TraceShare: '0' is not allowed; allowed: A share between 0.01 and 1, such as 0.05."),
        ({"ContainerBakeMinutes": "1441"}, "ContainerBakeMinutes: '1441' is not allowed; allowed: Minutes, between 0"),
        (
            {"ContainerTestMinutes": "1400", "ContainerBakeMinutes": "600"},
            "ContainerTestMinutes and ContainerBakeMinutes are 2000 minutes together; 1975 at most",
        ),
        ({"BackupVaultLock": "forever"}, "BackupVaultLock: 'forever' is not allowed; allowed: none; governance"),
    ],
    ids=lambda value: ",".join(f"{key}={item}" for key, item in value.items()) if isinstance(value, dict) else "",
)
def test_wrong_setting_is_named_with_what_is_allowed(write: Write, parameters: dict[str, Any], said: str) -> None:
    assert said in refusal(write(**parameters))


@pytest.mark.parametrize(
    "parameters",
    [
        {"Compute": "both", "ServerPaths": "/checkout/*,/cart/*"},
        {"GreenShare": "100", "ApplicationArchiveKey": "shop/1.tar.gz", "GreenArchiveKey": "shop/2.tar.gz"},
        {"StandbyServers": "true", "GreenArchiveKey": "shop/2.tar.gz"},
        {"TraceShare": "1"},
        {"TraceShare": "0.01"},
        {"ContainerTestMinutes": "1440", "ContainerBakeMinutes": "0"},
    ],
    ids=lambda parameters: ",".join(f"{key}={value}" for key, value in parameters.items()),
)
def test_ways_to_release_are_accepted(write: Write, parameters: dict[str, Any]) -> None:
    loaded = load(write(**parameters)).parameters()
    assert {name: loaded[name] for name in parameters} == parameters


def test_file_is_named_as_its_environment(write: Write) -> None:
    path = write(name="staging")
    assert "EnvironmentName is 'dev'; it must be 'staging', as the file is named" in refusal(path)


def test_everything_that_is_wrong_is_reported_at_once(write: Write) -> None:
    message = refusal(write(VpcCidr="8.8.0.0/16", WebServerMaximum=4, AccessMode="vpn", Surprise="x"))
    assert len(message.splitlines()) == 4
    for key in ("VpcCidr", "WebServerMaximum", "AccessMode", "Surprise"):
        assert f"Parameters: {key}" in message


@pytest.mark.parametrize(
    ("minimum", "upper", "highest"), [("1", "70", 34), ("1", "80", 39), ("2", "80", 53), ("2", "70", 46)]
)
def test_scale_in_that_would_start_the_server_again_is_refused(
    write: Write, minimum: str, upper: str, highest: int
) -> None:
    """The load of n + 1 servers on n is (n + 1) / n of what each had; it must stay below the upper bound."""
    scaling: dict[str, Any] = {"WebServerMinimum": minimum, "WebServerMaximum": "3", "ScaleOutCpuPercent": upper}
    assert load(write(**scaling, ScaleInCpuPercent=str(highest)))
    assert f"must be {highest} or less" in refusal(write(**scaling, ScaleInCpuPercent=str(highest + 1)))


@given(st.integers(1, 2), st.integers(1, 95), st.integers(1, 95))
def test_accepted_scaling_is_stable_with_any_number_of_servers(
    tmp_path_factory: pytest.TempPathFactory, minimum: int, upper: int, lower: int
) -> None:
    path = tmp_path_factory.mktemp("params", numbered=True) / "dev.json"
    scaling = {"WebServerMinimum": minimum, "ScaleOutCpuPercent": upper, "ScaleInCpuPercent": lower}
    texts = {key: str(value) for key, value in scaling.items()}
    path.write_text(json.dumps({"Parameters": PARAMETERS | texts, "Tags": TAGS}))
    bounded = upper >= 5 and lower >= 5
    stable = all(lower * (servers + 1) / servers < upper for servers in range(minimum, 3))
    if bounded and stable:
        assert load(path)
    else:
        assert "CpuPercent" in refusal(path)


@pytest.mark.parametrize("name", REQUIRED_TAGS)
@pytest.mark.parametrize("value", [None, ""], ids=["missing", "empty"])
def test_d13_missing_tag_is_named(write: Write, name: str, value: str | None) -> None:
    tags = {key: text for key, text in TAGS.items() if key != name} | ({} if value is None else {name: value})
    assert f"Tags: {name} is missing; required: {', '.join(REQUIRED_TAGS)}" in refusal(write(tags=tags))


def test_tag_that_is_no_string(write: Write) -> None:
    assert "Tags: CostCenter must be a string" in refusal(write(tags=TAGS | {"CostCenter": 4711}))


def test_tag_of_another_environment(write: Write) -> None:
    assert "Tags: Environment is 'prod', EnvironmentName 'dev'" in refusal(write(tags=TAGS | {"Environment": "prod"}))


# Between files


@pytest.fixture
def write_all(write: Write, tmp_path: Path) -> Callable[..., Path]:
    def write_files(cidrs: Mapping[str, str]) -> Path:
        for name, cidr in cidrs.items():
            write(name=name, tags=TAGS | {"Environment": name}, EnvironmentName=name, VpcCidr=cidr)
        return tmp_path

    return write_files


def test_further_environments_follow_the_three(write_all: Callable[..., Path]) -> None:
    names = ["alpha", "prod", "staging", "dev", "zeta"]
    folder = write_all({name: f"10.{number}.0.0/16" for number, name in enumerate(names)})
    found = [one.environment.environment_name.literal for one in load_all(folder)]
    assert found == ["dev", "staging", "prod", "alpha", "zeta"]


@pytest.mark.parametrize("missing", ENVIRONMENTS)
def test_missing_environment_is_named(write_all: Callable[..., Path], missing: str) -> None:
    folder = write_all({name: f"10.{n}.0.0/16" for n, name in enumerate(ENVIRONMENTS) if name != missing})
    with pytest.raises(UserError) as caught:
        load_all(folder)
    assert str(caught.value) == f"{folder / missing}.json is missing; the environments are dev, staging, prod"


def test_missing_folder_is_named(tmp_path: Path) -> None:
    with pytest.raises(UserError, match=r"nowhere.dev\.json is missing"):
        load_all(tmp_path / "nowhere")


def test_d6_overlap_of_two_environments_names_both_files(write_all: Callable[..., Path]) -> None:
    folder = write_all({"dev": "10.10.0.0/16", "staging": "10.20.0.0/16", "prod": "10.10.0.0/16"})
    with pytest.raises(UserError) as caught:
        load_all(folder)
    assert str(caught.value) == (
        f"{folder / 'prod.json'}: Parameters: VpcCidr 10.10.0.0/16 overlaps 10.10.0.0/16 of {folder / 'dev.json'}"
    )


@given(st.lists(st.integers(0, 255), min_size=3, max_size=3))
def test_environments_are_accepted_where_no_two_ranges_overlap(
    tmp_path_factory: pytest.TempPathFactory, seconds: list[int]
) -> None:
    folder = tmp_path_factory.mktemp("params", numbered=True)
    for name, second in zip(ENVIRONMENTS, seconds, strict=True):
        parameters = PARAMETERS | {"EnvironmentName": name, "VpcCidr": f"10.{second}.0.0/16"}
        content = {"Parameters": parameters, "Tags": TAGS | {"Environment": name}}
        (folder / f"{name}.json").write_text(json.dumps(content))
    if len(set(seconds)) == len(seconds):
        assert len(load_all(folder)) == 3
    else:
        with pytest.raises(UserError, match="overlaps"):
            load_all(folder)
