"""The platform with its application, as visitors see it; and each kind of damage is seen by some request."""

from __future__ import annotations

import io
import json
import os
import re
import subprocess
import tarfile
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from io import StringIO
from pathlib import Path
from typing import Any

import pytest
from rich.console import Console

from generator.environment import load_all
from generator.errors import UserError
from generator.rehearsal import programs, requests_rehearsal
from generator.rehearsal.canary_run import Visit, visit
from generator.rehearsal.emulator_canaries import canaries
from generator.rehearsal.health_checks import HEALTHY
from generator.rehearsal.pipeline_actions import Approval
from generator.rehearsal.rehearse import Rehearsal, started
from generator.rehearsal.requests_rehearsal import refuse_missing_programs, rehearse_requests, requests_of
from generator.rehearsal.requests_scenarios import LiveEnvironment, settings_read_back, tls_versions
from generator.rehearsal.requests_table import Row, ask
from generator.release import folder_of
from tests.documented_commands import documented, documented_line
from tests.rehearsal.wished import wished

ROOT = Path(__file__).parents[2]
RELEASE = folder_of(ROOT / "templates_out")
NAME = "staging"
REQUIREMENTS = {"W1", "W3", "W4", "W6", "W7", "D4", "D5", "D8", "D11", "D17", "E7", "E9", "E10", "E11"}


class Platform:
    """A rehearsal in which the application runs in staging, and what it has said so far."""

    def __init__(self, rehearsal: Rehearsal, report: StringIO) -> None:
        self.rehearsal = rehearsal
        self.report = report
        self.live: LiveEnvironment = rehearsal.release_application(NAME)

    def client(self, service: str) -> Any:
        return self.rehearsal.accounts.client(service, NAME)

    def reopen(self) -> None:
        """Let clients meet the load balancer as it is now."""
        self.rehearsal.open_to_clients(NAME, self.outputs)

    @property
    def outputs(self) -> dict[str, str]:
        [stack] = self.client("cloudformation").describe_stacks(StackName=f"web-platform-{NAME}")["Stacks"]
        return {each["OutputKey"]: each["OutputValue"] for each in stack["Outputs"]}

    @property
    def listeners(self) -> dict[int, dict[str, Any]]:
        elb = self.client("elbv2")
        [balancer] = elb.describe_load_balancers()["LoadBalancers"]
        found = elb.describe_listeners(LoadBalancerArn=balancer["LoadBalancerArn"])["Listeners"]
        return {each["Port"]: each for each in found}

    def failing(self) -> set[str]:
        """Return what of a visit is not as expected, as far as it takes no servers away."""
        rows = [ask(self.live.client, each, self.live.names) for each in requests_of(self.rehearsal, self.live)]
        rows += [*tls_versions(self.live), *settings_read_back(self.live)]
        return {f"{row.why}: {row.what}" for row in rows if not row.holds}


@pytest.fixture(scope="module")
def platform() -> Iterator[Platform]:
    report = StringIO()
    console, settings = Console(file=report, width=200), {"SyntheticCanary": "true"}
    with started(ROOT, RELEASE, load_all(ROOT / "params"), console, settings=settings) as rehearsal:
        rehearsal.bring_to(RELEASE, NAME)
        yield Platform(rehearsal, report)


def broken(rows: list[Row]) -> list[Row]:
    return [row for row in rows if not row.holds]


def test_visitors_get_what_they_should_also_while_a_server_is_lost(platform: Platform) -> None:
    rows = list(rehearse_requests(platform.rehearsal, platform.live))
    assert broken(rows) == []
    assert len(rows) >= 30
    assert {row.why for row in rows} == REQUIREMENTS
    assert platform.failing() == set()


@pytest.mark.slow
def test_w5_who_trusts_the_certificate_alone_is_answered_by_the_load_balancer(
    platform: Platform, tmp_path: Path
) -> None:
    """With curl, as docs/certificates.md shows it, which this test needs and `make test` does not."""
    acm = platform.client("acm")
    arn = platform.listeners[443]["Certificates"][0]["CertificateArn"]
    (tmp_path / "dev.pem").write_text(acm.get_certificate(CertificateArn=arn)["Certificate"])
    name = platform.live.names.values["load_balancer"]
    command = documented_line("curl --cacert dev.pem https://<load balancer>/healthz", name)
    # Names of the emulator's load balancers are in no DNS.
    places = platform.live.fronts.connect_to.split()
    (tmp_path / ".curlrc").write_text("".join(f'connect-to = "{place}"\n' for place in places))

    def typed(line: str) -> subprocess.CompletedProcess[str]:
        variables = {"PATH": os.environ["PATH"], "CURL_HOME": str(tmp_path)}
        return subprocess.run(["bash", "-c", line], cwd=tmp_path, env=variables, capture_output=True, text=True)

    trusting = typed(command)
    assert (trusting.returncode, trusting.stdout.strip()) == (0, "ok"), trusting.stderr
    not_verified = 60  # https://curl.se/docs/manpage.html, "EXIT CODES"
    assert typed(command.replace("--cacert dev.pem ", "")).returncode == not_verified


def test_web_servers_run_what_the_user_data_says(platform: Platform) -> None:
    instances = platform.live.instances
    assert len(instances) == 2
    for each in instances:
        assert each.server.user_data.configures_as_here
        assert each.server.user_data.settings["ARCHIVE_KEY"].startswith("application/")
        health = platform.live.workload.health(each)
        assert health is not None
        assert health.state == HEALTHY


Damage = Callable[[Platform], None]


def pages_may_be_framed(platform: Platform) -> None:
    header = "routing.http.response.x_frame_options.header_value"
    platform.client("elbv2").modify_listener_attributes(
        ListenerArn=platform.listeners[443]["ListenerArn"], Attributes=[{"Key": header, "Value": "SAMEORIGIN"}]
    )


def http_is_served(platform: Platform) -> None:
    platform.client("elbv2").modify_listener(
        ListenerArn=platform.listeners[80]["ListenerArn"], DefaultActions=platform.listeners[443]["DefaultActions"]
    )


def old_tls_is_spoken(platform: Platform) -> None:
    arn = platform.listeners[443]["ListenerArn"]
    platform.client("elbv2").modify_listener(ListenerArn=arn, SslPolicy="ELBSecurityPolicy-2016-08")
    platform.reopen()


def bucket_is_public(platform: Platform) -> None:
    bucket = platform.outputs["WebsiteBucketName"]
    s3 = platform.client("s3")
    s3.delete_public_access_block(Bucket=bucket)
    policy = json.loads(s3.get_bucket_policy(Bucket=bucket)["Policy"])
    everybody = {"Effect": "Allow", "Principal": "*", "Action": "s3:GetObject", "Resource": f"arn:aws:s3:::{bucket}/*"}
    policy["Statement"].append(everybody)
    s3.put_bucket_policy(Bucket=bucket, Policy=json.dumps(policy))


def web_acl_is_taken_away(platform: Platform) -> None:
    [balancer] = platform.client("elbv2").describe_load_balancers()["LoadBalancers"]
    platform.client("wafv2").disassociate_web_acl(ResourceArn=balancer["LoadBalancerArn"])


def images_are_lost(platform: Platform) -> None:
    for instance in platform.live.instances:
        for image in instance.server.images.glob("*.svg"):
            image.unlink()


DAMAGES: list[tuple[Damage, set[str]]] = [
    (pages_may_be_framed, {"D17: security headers of a page", "D17: security headers of the application's answers"}),
    (http_is_served, {"W3: HTTP is upgraded; path and query stay"}),
    (old_tls_is_spoken, {"W4: TLS at the load balancer", "W4: TLS policy of the load balancer"}),
    (web_acl_is_taken_away, {"D8: web ACL of the load balancer"}),
    (images_are_lost, {"E11: a product's image, from EFS"}),
    (bucket_is_public, {"E7: the bucket itself"}),
]


@pytest.mark.parametrize(("damage", "seen"), DAMAGES, ids=lambda value: getattr(value, "__name__", ""))
def test_each_damage_is_seen_by_visitors(platform: Platform, damage: Damage, seen: set[str]) -> None:
    """Damages stay, so that a test looks at what its own damage adds."""
    before = platform.failing()
    damage(platform)
    assert platform.failing() - before == seen


def test_visitors_get_errors_while_all_servers_are_down_and_answers_afterwards(platform: Platform) -> None:
    url = platform.live.url("origin", "/healthz")
    with platform.live.workload.out_of_service(platform.live.account_id):
        assert platform.live.client.send("GET", url).status == 502
    assert platform.live.client.send("GET", url).status == 200


def canary_visit(rehearsal: Rehearsal, name: str) -> Visit:
    """Let the one canary of an environment visit it."""
    accounts, behind = rehearsal.accounts, rehearsal.behind
    [canary] = canaries(accounts.emulator.directory, accounts.id_of(name))
    return visit(canary, behind.fronts.connect_to, behind.certificates.authority.certificate)


def test_the_canary_fails_while_nobody_is_served_and_passes_afterwards(platform: Platform) -> None:
    with platform.live.workload.out_of_service(platform.live.account_id):
        failed = canary_visit(platform.rehearsal, NAME)
    assert not failed.passed
    assert re.search(r"answered 50\d instead of 200", failed.said)
    assert canary_visit(platform.rehearsal, NAME).passed


@contextmanager
def archive_that(monkeypatch: pytest.MonkeyPatch, **scripts: str) -> Iterator[None]:
    """Let the next archive have other scripts."""
    build = requests_rehearsal.build_archive

    def changed(project: Path, folder: Path) -> Path:
        archive = build(project, folder)
        with tarfile.open(archive) as former, tarfile.open(folder / "other.tar.gz", "w:gz") as other:
            for member in former.getmembers():
                file = former.extractfile(member)
                content = file.read() if file else b""
                if member.name in scripts:
                    content = scripts[member.name].encode()
                    member.size = len(content)
                other.addfile(member, io.BytesIO(content))
        return folder / "other.tar.gz"

    with monkeypatch.context() as patched:
        patched.setattr(requests_rehearsal, "build_archive", changed)
        yield


def test_an_application_that_does_not_start_is_rolled_back_and_the_former_one_goes_on(
    platform: Platform, monkeypatch: pytest.MonkeyPatch
) -> None:
    before = [each.launch.instance_id for each in platform.live.instances]
    refused = f"{NAME}: the application cannot be released: UPDATE_ROLLBACK_COMPLETE: WebTier/WebServerGroup"
    with (
        archive_that(monkeypatch, start="#!/bin/sh\necho no luck\nexit 1\n"),
        pytest.raises(UserError, match=refused),
    ):
        platform.rehearsal.release_application(NAME)
    assert re.search(r"application ended\. Its log:\s+no luck", platform.report.getvalue())
    assert [each.launch.instance_id for each in platform.live.instances] == before
    assert platform.live.client.send("GET", platform.live.url("origin", "/api/products")).status == 200


def test_a_role_that_may_not_fetch_the_archive_is_found_out(
    platform: Platform, monkeypatch: pytest.MonkeyPatch
) -> None:
    profile = platform.live.instances[0].launch.profile
    iam = platform.client("iam")
    [role] = iam.get_instance_profile(InstanceProfileName=profile)["InstanceProfile"]["Roles"]
    denied = {"Effect": "Deny", "Action": "s3:GetObject", "Resource": "*"}
    document = json.dumps({"Version": "2012-10-17", "Statement": [denied]})
    iam.put_role_policy(RoleName=role["RoleName"], PolicyName="NoArchives", PolicyDocument=document)
    try:
        with (
            archive_that(monkeypatch, migrate="#!/bin/sh\n# another archive\n"),
            pytest.raises(UserError, match="the application cannot be released: UPDATE_ROLLBACK_COMPLETE"),
        ):
            platform.rehearsal.release_application(NAME)
    finally:
        iam.delete_role_policy(RoleName=role["RoleName"], PolicyName="NoArchives")
    said = platform.report.getvalue()
    assert re.search(r"tar\.gz cannot be fetched .* is not authorized to perform: s3:GetObject on", said)


def test_what_is_missing_to_run_the_application_is_named(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    with pytest.raises(UserError, match=r"^\.venv-application/bin/python is missing: set it up with make application$"):
        refuse_missing_programs(tmp_path)
    monkeypatch.setattr(programs, "_in_wheel", lambda _: None)
    monkeypatch.setattr(programs, "_on_path", lambda _: None)
    with pytest.raises(UserError, match=r"nginx: there is no wheel .* apt-get install nginx"):
        refuse_missing_programs(ROOT)


def test_with_a_domain_everything_goes_through_cloudfront_and_nothing_past_it() -> None:
    asked = wished(
        documented(
            'make rehearse TO=dev SET="DomainName=shop.example.com LoadBalancerAccess=cloudfront SyntheticCanary=true"'
        ),
        lambda _: Approval(approved=True),
    )
    console = Console(file=StringIO(), width=200)
    with started(ROOT, RELEASE, load_all(ROOT / "params"), console, settings=asked.settings) as rehearsal:
        rows = rehearsal.deploy(asked.wishes.to).rows
    assert broken(rows) == []
    lines = {row.what for row in rows}
    assert {
        "past CloudFront: without its secret",
        "past CloudFront: with a wrong secret",
        "products, through CloudFront",
        "TLS at CloudFront",
        "the canary's own script",
    } <= lines
