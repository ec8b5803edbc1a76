"""The lint gate bites: on what cfn-lint sees by itself, and on wires between stacks, which it sees only in the copy."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import threading
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path

import pytest

from generator.checks import lint
from generator.checks.lint import (
    COPY_ARTEFACTS,
    REGIONS,
    UNFOLLOWED,
    Finding,
    Reading,
    boundary,
    lint_templates,
)
from generator.errors import UserError
from generator.nesting import TEMPLATE_URL
from generator.progress import Say
from generator.release import folder_of
from generator.template_yaml import dump, load

NETWORK = """\
# Generated; do not edit.
AWSTemplateFormatVersion: '2010-09-09'
Description: The VPC.
Parameters:
  VpcCidr:
    Type: String
    Description: Address range of the VPC.
Resources:
  Vpc:
    Type: AWS::EC2::VPC
    Properties:
      CidrBlock: !Ref VpcCidr
Outputs:
  VpcId:
    Description: The VPC.
    Value: !Ref Vpc
"""

SECURITY = """\
# Generated; do not edit.
AWSTemplateFormatVersion: '2010-09-09'
Description: The security groups.
Parameters:
  VpcId:
    Type: AWS::EC2::VPC::Id
    Description: The VPC.
Resources:
  WebGroup:
    Type: AWS::EC2::SecurityGroup
    Properties:
      GroupDescription: Web servers
      VpcId: !Ref VpcId
"""

PLATFORM = f"""\
# Generated; do not edit.
AWSTemplateFormatVersion: '2010-09-09'
Description: The platform.
Parameters:
  TemplateBucketName:
    Type: String
  TemplateKeyPrefix:
    Type: String
  VpcCidr:
    Type: String
Resources:
  Network:
    Type: AWS::CloudFormation::Stack
    DeletionPolicy: Delete
    UpdateReplacePolicy: Delete
    Properties:
      TemplateURL: !Sub {TEMPLATE_URL}network.yaml
      Parameters:
        VpcCidr: !Ref VpcCidr
  Security:
    Type: AWS::CloudFormation::Stack
    DeletionPolicy: Delete
    UpdateReplacePolicy: Delete
    Properties:
      TemplateURL: !Sub {TEMPLATE_URL}security.yaml
      Parameters:
        VpcId: !GetAtt Network.Outputs.VpcId
Outputs:
  VpcId:
    Description: The VPC.
    Value: !GetAtt Network.Outputs.VpcId
"""

KEY = "  Key:\n    Type: AWS::KMS::Key\n{}    Properties:\n      EnableKeyRotation: true\n"
EXCUSE = "{0}Metadata:\n{0}  cfn-lint:\n{0}    config:\n{0}      ignore_checks: [I3011]\n"

MakeRelease = Callable[..., Path]


@pytest.fixture
def release(tmp_path: Path) -> MakeRelease:
    """Return a function that writes a clean release, with the templates given by name in place of the clean ones."""

    def write(**replaced: str) -> Path:
        folder = tmp_path / "v1.1.0"
        folder.mkdir(exist_ok=True)
        for name, text in ({"platform": PLATFORM, "network": NETWORK, "security": SECURITY} | replaced).items():
            (folder / f"{name}.yaml").write_text(text)
        (folder / "manifest.json").write_text("{}")
        return folder

    return write


def edited(text: str, old: str, new: str) -> str:
    assert text.count(old) == 1, f"{old!r} must be there once"
    return text.replace(old, new)


def rules_and_places(findings: list[Finding]) -> list[tuple[str, str, str]]:
    return [(finding.template, finding.rule, finding.path) for finding in findings]


def test_a_clean_release_has_no_findings(release: MakeRelease) -> None:
    assert lint_templates(release(), None) == []


HANDED_OVER = "        VpcId: !GetAtt Network.Outputs.VpcId"

WIRING_DEFECTS = {
    "an output misspelled on its way into another stack": (
        edited(PLATFORM, HANDED_OVER, "        VpcId: !GetAtt Network.Outputs.Vpcid"),
        ("platform.yaml", "E1010", "Resources/Security/Properties/Parameters/VpcId/Fn::GetAtt/1"),
    ),
    "an output misspelled in a Sub": (
        edited(PLATFORM, HANDED_OVER, "        VpcId: !Sub '${Network.Outputs.Vpcid}'"),
        ("platform.yaml", "E1019", "Resources/Security/Properties/Parameters/VpcId/Fn::Sub"),
    ),
    "an output misspelled in the root's own outputs": (
        edited(PLATFORM, "    Value: !GetAtt Network.Outputs.VpcId", "    Value: !GetAtt Network.Outputs.Vpcid"),
        ("platform.yaml", "E6101", "Outputs/VpcId/Value/Fn::GetAtt/1"),
    ),
    "a parameter that the child needs is missing": (
        edited(PLATFORM, HANDED_OVER, "        {}"),
        ("platform.yaml", "E3043", "Resources/Security/Properties/Parameters"),
    ),
    "a parameter that the child does not know": (
        edited(PLATFORM, "        VpcCidr: !Ref VpcCidr", "        VpcCidr: !Ref VpcCidr\n        Zone: a"),
        ("platform.yaml", "E3043", "Resources/Network/Properties/Parameters/Zone"),
    ),
    "no parameters at all, which E3043 leaves out": (
        edited(PLATFORM, f"      Parameters:\n{HANDED_OVER}\n", ""),
        ("platform.yaml", UNFOLLOWED, "Resources/Security/Properties"),
    ),
}


@pytest.mark.parametrize(("platform", "expected"), WIRING_DEFECTS.values(), ids=WIRING_DEFECTS.keys())
def test_a_wiring_defect_is_caught_in_the_copy(
    release: MakeRelease, platform: str, expected: tuple[str, str, str]
) -> None:
    findings = lint_templates(release(platform=platform), None)
    assert rules_and_places(findings) == [expected]
    assert findings[0].regions == (), "wrong in every region alike"


@pytest.mark.parametrize("platform", [case[0] for case in WIRING_DEFECTS.values()], ids=WIRING_DEFECTS.keys())
def test_a_wiring_defect_is_not_caught_in_the_release_itself(release: MakeRelease, platform: str) -> None:
    """The reason for the copy. Should cfn-lint learn to follow a Sub as TemplateURL, this fails and the copy can go."""
    folder = release(platform=platform)
    assert lint._lint_one((folder, "platform.yaml", False)) == []


def test_the_copy_adds_nothing_but_the_artefacts_that_are_left_out(
    release: MakeRelease, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(lint, "COPY_ARTEFACTS", {})
    assert {finding.rule for finding in lint_templates(release(), None)} == set(COPY_ARTEFACTS)


@pytest.mark.parametrize(
    "url",
    [
        "!Sub https://${TemplateBucketName}.s3.amazonaws.com/${TemplateKeyPrefix}network.yaml",
        "!Join ['', [https://s3.amazonaws.com/, !Ref TemplateBucketName, /, !Ref TemplateKeyPrefix, network.yaml]]",
        "https://s3.amazonaws.com/bucket/network.yaml",
    ],
)
def test_a_template_url_of_another_form_cannot_escape(release: MakeRelease, url: str) -> None:
    usual = f"!Sub {TEMPLATE_URL}network.yaml"
    findings = lint_templates(release(platform=edited(PLATFORM, usual, url)), None)
    assert ("platform.yaml", UNFOLLOWED, "Resources/Network/Properties") in rules_and_places(findings)


def test_a_child_that_is_not_in_the_release_is_reported(release: MakeRelease) -> None:
    [finding] = lint_templates(release(platform=edited(PLATFORM, "security.yaml", "securities.yaml")), None)
    assert finding.rule == UNFOLLOWED
    assert str(finding) == (
        "platform.yaml:20: error E9001 Resources/Security/Properties: "
        "TemplateURL names securities.yaml, which is not part of the release"
    )


def test_the_form_that_the_generator_writes_is_the_form_that_is_followed() -> None:
    url = {"TemplateURL": {"Fn::Sub": f"{TEMPLATE_URL}network.yaml"}}
    written = dump({"Resources": {"Network": {"Type": lint.NESTED_STACK, "Properties": url}}})
    assert lint.children(written.encode()) == ["network.yaml"]
    assert b"TemplateURL: ./network.yaml\n" in lint.with_sibling_urls(written.encode())


def test_the_copy_keeps_the_line_numbers() -> None:
    copied = lint.with_sibling_urls(PLATFORM.encode()).splitlines()
    changed = [number for number, line in enumerate(PLATFORM.encode().splitlines()) if copied[number] != line]
    assert len(copied) == len(PLATFORM.splitlines())
    assert [copied[number].strip() for number in changed] == [
        b"TemplateURL: ./network.yaml",
        b"TemplateURL: ./security.yaml",
    ]


def test_a_finding_in_release_and_copy_alike_is_reported_once(release: MakeRelease) -> None:
    platform = edited(PLATFORM, "  VpcCidr:\n    Type: String", "  VpcCidr:\n    Type: Strings")
    findings = lint_templates(release(platform=platform), None)
    assert [finding.rule for finding in findings].count("E2002") == 1


def test_a_resource_that_one_region_does_not_have_is_reported_with_the_region(release: MakeRelease) -> None:
    channel = "Resources:\n  Channel:\n    Type: AWS::IVS::Channel\n    Properties:\n      Name: live\n"
    [finding] = lint_templates(release(network=edited(NETWORK, "Resources:\n", channel)), None)
    assert (finding.rule, finding.path, finding.line) == ("E3006", "Resources/Channel/Type", 10)
    assert finding.regions == ("ap-southeast-2",)
    assert str(finding).endswith("[ap-southeast-2]")


def test_warnings_and_informational_rules_count(release: MakeRelease) -> None:
    unused = edited(NETWORK, "Resources:\n", "  Unused:\n    Type: String\nResources:\n")
    findings = lint_templates(release(network=edited(unused, "Outputs:\n", f"{KEY.format('')}Outputs:\n")), None)
    assert {("W2001", "warning"), ("I3011", "informational")} <= {(found.rule, found.severity) for found in findings}


@pytest.mark.parametrize(
    "arn",
    [
        "arn:aws:sns:${AWS::Region}:${AWS::AccountId}:alarms",
        "arn:${AWS::Partition}:sns:eu-west-1:${AWS::AccountId}:alarms",
        "arn:${AWS::Partition}:sns:${AWS::Region}:123456789012:alarms",
    ],
)
def test_an_arn_may_not_hard_code_partition_region_or_account(release: MakeRelease, arn: str) -> None:
    policy = f"""\
  Policy:
    Type: AWS::IAM::ManagedPolicy
    Properties:
      PolicyDocument:
        Version: '2012-10-17'
        Statement:
          - Effect: Allow
            Action: sns:Publish
            Resource: !Sub {arn}
"""
    findings = lint_templates(release(network=edited(NETWORK, "Outputs:\n", f"{policy}Outputs:\n")), None)
    assert [finding.rule for finding in findings] == ["I3042"]


def test_experimental_rules_are_on(release: MakeRelease) -> None:
    context = "Metadata:\n  com.aws.cloudformation.Context:\n    purpose: Networking\n"
    findings = lint_templates(release(network=NETWORK + context), None)
    assert {"W4011", "W4012"} & {finding.rule for finding in findings}


def test_a_resource_may_be_excused_in_its_own_metadata(release: MakeRelease) -> None:
    key = KEY.format(EXCUSE.format("    "))
    assert lint_templates(release(network=edited(NETWORK, "Outputs:\n", f"{key}Outputs:\n")), None) == []


def test_a_template_cannot_excuse_itself_as_a_whole(release: MakeRelease) -> None:
    network = edited(NETWORK, "Outputs:\n", f"{KEY.format('')}Outputs:\n") + EXCUSE.format("")
    assert {finding.rule for finding in lint_templates(release(network=network), None)} == {"I3011"}


def test_the_working_directory_is_the_same_afterwards(tmp_path: Path) -> None:
    (tmp_path / "network.yaml").write_text(NETWORK)
    before = Path.cwd()
    assert lint_templates(tmp_path, None) == []
    assert Path.cwd() == before


def test_a_configuration_file_in_the_working_directory_does_not_change_the_verdict(
    release: MakeRelease, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("HOME", str(tmp_path))
    (tmp_path / ".cfnlintrc").write_text("mandatory_checks: [I4010]\n")
    assert lint_templates(release(), None) == []


UNPARSEABLE = {
    "YAML that ends in the middle": "Resources: [\n",
    "an unknown tag": "Resources: !Unheard Of\n",
    "a list": "- Resources\n",
    "nothing": "",
    "a section without content": NETWORK + "Metadata:\n",
}


@pytest.mark.parametrize("text", UNPARSEABLE.values(), ids=UNPARSEABLE.keys())
def test_a_template_that_cannot_be_read_is_a_finding(release: MakeRelease, text: str) -> None:
    findings = lint_templates(release(network=text), None)
    assert "network.yaml" in {finding.template for finding in findings if finding.severity == "error"}


def test_a_folder_without_templates_does_not_pass(tmp_path: Path) -> None:
    with pytest.raises(UserError, match="no templates"):
        lint_templates(tmp_path, None)


def test_findings_are_sorted_and_the_same_on_every_run(release: MakeRelease) -> None:
    folder = release(network=edited(NETWORK, "CidrBlock", "CidrBlok"), platform=PLATFORM.replace("VpcId", "Vpc"))
    findings = lint_templates(folder, None)
    assert len(findings) > 2
    assert findings == sorted(findings) == lint_templates(folder, None)


def test_a_second_run_takes_its_verdicts_from_the_cache(
    release: MakeRelease, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    folder = release(network=edited(NETWORK, "CidrBlock", "CidrBlok"))
    findings = lint_templates(folder, tmp_path / "cache")
    assert findings
    monkeypatch.setattr(lint, "_lint", None)
    assert lint_templates(folder, tmp_path / "cache") == findings


def test_cfn_lint_is_not_imported_when_everything_is_cached(release: MakeRelease, tmp_path: Path) -> None:
    folder, cache = release(), tmp_path / "cache"
    lint_templates(folder, cache)
    program = (
        "import sys; from pathlib import Path; from generator.checks.lint import lint_templates;"
        "lint_templates(Path(sys.argv[1]), Path(sys.argv[2]));"
        "print(any(name.partition('.')[0] == 'cfnlint' for name in sys.modules))"
    )
    run = [sys.executable, "-c", program, str(folder), str(cache)]
    root = Path(lint.__file__).parents[2]
    assert subprocess.run(run, cwd=root, capture_output=True, text=True, check=True).stdout == "False\n"


def linted(folder: Path, cache: Path, monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """Return the templates that a run lints anew, the copies marked with a star."""
    names: list[str] = []
    original = lint._lint

    def record(readings: Sequence[Reading], say: Say) -> list[list[Finding]]:
        names.extend(f"{each.template}{'*' if each.is_copy else ''}" for each in readings)
        return original(readings, say)

    with monkeypatch.context() as patch:
        patch.setattr(lint, "_lint", record)
        lint_templates(folder, cache)
    return names


def test_a_changed_child_is_linted_alone(release: MakeRelease, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    cache = tmp_path / "cache"
    assert linted(release(), cache, monkeypatch) == ["network.yaml", "platform.yaml", "platform.yaml*", "security.yaml"]
    folder = release(network=edited(NETWORK, "CidrBlock: !Ref VpcCidr", "CidrBlock: 10.0.0.0/16"))
    assert linted(folder, cache, monkeypatch) == ["network.yaml"]
    assert linted(folder, cache, monkeypatch) == []


def test_a_child_with_another_boundary_is_linted_with_the_copy_of_the_root_that_nests_it(
    release: MakeRelease, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    cache = tmp_path / "cache"
    lint_templates(release(), cache)
    folder = release(network=edited(NETWORK, "Outputs:\n", "Outputs:\n  Id:\n    Value: !Ref Vpc\n"))
    assert linted(folder, cache, monkeypatch) == ["network.yaml", "platform.yaml*"]


def test_what_a_child_says_of_itself_is_nothing_to_the_root_that_nests_it(
    release: MakeRelease, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    cache = tmp_path / "cache"
    lint_templates(release(), cache)
    folder = release(network=edited(NETWORK, "Description: The VPC.\nParameters", "Description: Mine.\nParameters"))
    assert linted(folder, cache, monkeypatch) == ["network.yaml"]


INNER = ("Description", "Resources")


@pytest.mark.parametrize("name", ["network.yaml", "observability.yaml", "platform.yaml"])
def test_the_boundary_of_a_released_template_is_all_of_it_but_description_and_resources(name: str) -> None:
    body = (folder_of(Path(lint.__file__).parents[2] / "templates_out") / name).read_bytes()
    whole = load(body.decode())
    assert load(boundary(body).decode()) == {section: whole[section] for section in whole if section not in INNER}


def test_what_the_screen_finds_is_said_before_cfn_lint_is_asked(
    release: MakeRelease, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    cache, seen = tmp_path / "cache", []
    objection = Finding("network.yaml", 1, "E3002", "error", "", "no")

    def screen(bodies: Mapping[str, bytes]) -> list[Finding]:
        seen.append(sorted(bodies))
        return [objection] if b"10.0.0.0/16" in bodies.get("network.yaml", b"") else []

    assert lint_templates(release(), cache, screen) == []
    monkeypatch.setattr(lint, "_lint", None)
    assert lint_templates(release(), cache, screen) == []
    folder = release(network=edited(NETWORK, "CidrBlock: !Ref VpcCidr", "CidrBlock: 10.0.0.0/16"))
    assert lint_templates(folder, cache, screen) == [objection]
    assert seen == [["network.yaml", "platform.yaml", "security.yaml"], ["network.yaml"]]


def test_what_the_screen_finds_waits_for_nobody(
    release: MakeRelease, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    loading, may_end = threading.Event(), threading.Event()

    def load_slowly() -> None:
        loading.set()
        may_end.wait()

    def screen(_: Mapping[str, bytes]) -> list[Finding]:
        assert loading.wait(60), "cfn-lint is not loaded meanwhile"
        return [Finding("network.yaml", 1, "E3002", "error", "", "no")]

    monkeypatch.setattr(lint, "_loaded", load_slowly)
    try:
        assert [finding.message for finding in lint_templates(release(), tmp_path, screen)] == ["no"]
    finally:
        may_end.set()


def test_what_fails_while_the_screen_looks_fails_the_run(
    release: MakeRelease, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def fail() -> None:
        raise ModuleNotFoundError("cfnlint")

    monkeypatch.setattr(lint, "_loaded", fail)
    with pytest.raises(ModuleNotFoundError):
        lint_templates(release(), tmp_path, lambda _: [])


def test_renaming_a_childs_output_is_found_in_the_unchanged_root(release: MakeRelease, tmp_path: Path) -> None:
    cache = tmp_path / "cache"
    assert lint_templates(release(), cache) == []
    findings = lint_templates(release(network=edited(NETWORK, "  VpcId:\n", "  Id:\n")), cache)
    assert {(finding.template, finding.rule) for finding in findings} == {
        ("platform.yaml", "E1010"),
        ("platform.yaml", "E6101"),
    }


@pytest.mark.parametrize(("premise", "changed"), [("REGIONS", REGIONS[:1]), ("version", lambda _: "99.0")])
def test_another_configuration_or_cfn_lint_makes_every_verdict_stale(
    release: MakeRelease, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, premise: str, changed: object
) -> None:
    folder, cache = release(), tmp_path / "cache"
    lint_templates(folder, cache)
    monkeypatch.setattr(lint, premise, changed)
    assert len(linted(folder, cache, monkeypatch)) == 4


@pytest.mark.parametrize("content", ["", "{", "null", "[]", "{}", '{"findings": [{"rule": "E0000"}]}', "\ufffd"])
def test_a_corrupt_cache_entry_is_ignored_and_replaced(
    release: MakeRelease, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, content: str
) -> None:
    folder, cache = release(), tmp_path / "cache"
    lint_templates(folder, cache)
    entries = sorted(cache.iterdir())
    entries[0].write_text(content)
    assert len(linted(folder, cache, monkeypatch)) == 1
    assert json.loads(entries[0].read_text()) == {"key": entries[0].stem, "findings": []}
    assert sorted(cache.iterdir()) == entries


def test_the_entry_of_another_template_is_not_believed(
    release: MakeRelease, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    folder, cache = release(), tmp_path / "cache"
    lint_templates(folder, cache)
    one, other, *_ = sorted(cache.iterdir())
    one.write_bytes(other.read_bytes())
    assert len(linted(folder, cache, monkeypatch)) == 1


def test_newer_schemas_in_someones_home_do_not_change_the_verdict(release: MakeRelease, tmp_path: Path) -> None:
    newer = tmp_path / "aws" / "cfn-lint" / "schemas"
    (newer / "providers").mkdir(parents=True)
    (newer / "resources").mkdir()
    (newer / "version.json").write_text('{"schema_date": "2099-01-01T00:00:00Z"}')
    for region in REGIONS:
        (newer / "providers" / f"{region}.json").write_text("{}")
    program = (
        "import sys; from pathlib import Path; from generator.checks.lint import lint_templates;"
        "print(lint_templates(Path(sys.argv[1]), None))"
    )
    root = Path(lint.__file__).parents[2]
    run = [sys.executable, "-c", program, str(release())]
    environment = {**os.environ, "XDG_CACHE_HOME": str(tmp_path)}
    assert subprocess.run(run, cwd=root, env=environment, capture_output=True, text=True, check=True).stdout == "[]\n"
