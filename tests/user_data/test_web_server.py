"""The web server's user data, run for real in a scratch root: what it makes, in which order, twice, and when it fails.

docs/web-servers.md lists what a system that is no Amazon Linux cannot run.
"""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from tests.user_data.scratch_server import APPLICATION, SETTINGS, ScratchServer, archive

RELEASE = "srv/application/releases/shop/1.4.2.tar.gz"
AGENT = "opt/aws/amazon-cloudwatch-agent"
CERTIFICATE = "etc/pki/web-server"
LOG = "var/log/web-server/bootstrap.log"


@pytest.fixture
def server(tmp_path: Path) -> ScratchServer:
    return ScratchServer(tmp_path)


def signal(exit_code: int) -> str:
    return (
        f"cfn-signal --region eu-west-1 --stack {SETTINGS['STACK_NAME']} --resource WebServerGroup "
        f"--exit-code {exit_code}"
    )


def test_a_server_is_made_from_what_the_template_hands_over(server: ScratchServer) -> None:
    outcome = server.run()
    assert outcome.returncode == 0, outcome.stdout
    assert server.calls[-1] == signal(0)
    assert server.calls_of("systemctl", "mount", "amazon-cloudwatch-agent-ctl") == [
        f"amazon-cloudwatch-agent-ctl -a fetch-config -m ec2 -s -c file:/{AGENT}/etc/web-server.json",
        "mount /srv/product-images",
        "systemctl daemon-reload",
        "systemctl enable application.service",
        "systemctl restart application.service",
        "systemctl enable nginx.service",
        "systemctl reload-or-restart nginx.service",
        "systemctl daemon-reload",
        "systemctl enable logrotate.timer",
        "systemctl restart logrotate.timer",
    ]
    assert server.text("etc/fstab").splitlines()[1:] == [
        "fs-0123456789abcdef0:/ /srv/product-images efs _netdev,nofail,tls,iam,accesspoint=fsap-0123456789abcdef0 0 0"
    ]
    assert json.loads(server.text(f"{AGENT}/etc/web-server.json"))["agent"]
    assert f"SESSION_TABLE={SETTINGS['SESSION_TABLE']}\n" in server.text("etc/application/environment")


def test_d12_a_server_that_does_not_start_says_so_to_an_agent_that_listens_already(server: ScratchServer) -> None:
    """What the metric filter counts has to leave the server before the load balancer's health check ends it."""
    server.stand_in("systemd-sysusers", "exit 3")
    assert server.run().returncode == 3
    calls = server.calls
    agent = next(index for index, call in enumerate(calls) if call.startswith("amazon-cloudwatch-agent-ctl"))
    assert agent < next(index for index, call in enumerate(calls) if call.startswith("systemd-sysusers"))
    assert server.text(LOG).splitlines()[-1] == "bootstrap failed: 3"


def test_a_server_that_starts_does_not_say_that_it_failed(server: ScratchServer) -> None:
    assert server.run().returncode == 0
    assert "bootstrap failed" not in server.text(LOG)


def test_a_second_run_changes_nothing(server: ScratchServer) -> None:
    assert server.run().returncode == 0
    first = server.files(besides=[LOG])
    assert server.run().returncode == 0
    assert server.files(besides=[LOG]) == first
    assert server.calls_of("mount") == []
    assert [call for call in server.calls_of("aws") if call.startswith("aws s3")] == []


def test_another_archive_is_in_service_after_the_next_run(server: ScratchServer) -> None:
    server.run()
    server.publish("shop/1.5.0.tar.gz", archive({**APPLICATION, "public/index.html": "new"}))
    assert server.run(ARCHIVE_KEY="shop/1.5.0.tar.gz").returncode == 0
    assert server.text("srv/application/current/public/index.html") == "new"
    assert "systemctl restart application.service" in server.calls
    assert server.run().returncode == 0
    assert "Shop" in server.text("srv/application/current/public/index.html")


@pytest.mark.parametrize("key", ["current/shop.tar.gz", "welcome/shop.tar.gz", "unpacking.tar.gz", "archive.tar.gz"])
def test_an_archive_may_have_any_name(server: ScratchServer, key: str) -> None:
    server.run(ARCHIVE_KEY="")
    server.publish(key, archive())
    assert server.run(ARCHIVE_KEY=key).returncode == 0
    assert "Shop" in server.text("srv/application/current/public/index.html")


def test_nginx_proxies_to_an_application_that_starts(server: ScratchServer) -> None:
    server.run()
    configuration = server.text("etc/nginx/nginx.conf")
    assert "proxy_pass http://application;" in configuration
    assert "server 127.0.0.1:8000;" in configuration
    assert "set_real_ip_from 10.10.0.0/16;" in configuration


def test_without_an_archive_there_is_a_page_that_says_so(server: ScratchServer) -> None:
    assert server.run(ARCHIVE_KEY="").returncode == 0
    assert "No application has been released yet." in server.text("srv/application/current/public/index.html")
    assert "proxy_pass" not in server.text("etc/nginx/nginx.conf")
    assert [call for call in server.calls_of("aws") if call.startswith("aws s3")] == []


@pytest.mark.parametrize(("protocol", "listen"), [("HTTPS", "listen 443 ssl "), ("HTTP", "listen 80 ")])
def test_the_server_listens_where_the_target_group_expects_it(
    server: ScratchServer, protocol: str, listen: str
) -> None:
    assert server.run(TARGET_PROTOCOL=protocol).returncode == 0
    assert listen in server.text("etc/nginx/nginx.conf")
    assert (server.root / CERTIFICATE).is_dir() == (protocol == "HTTPS")
    health = f"curl --silent --show-error --fail --insecure --output /dev/null {protocol.lower()}://127.0.0.1/healthz"
    assert health in server.calls


def test_nobody_but_root_reads_the_key(server: ScratchServer) -> None:
    server.run()
    assert (server.root / CERTIFICATE).stat().st_mode & 0o777 == 0o700
    key = server.root / CERTIFICATE / "server.key"
    assert key.stat().st_mode & 0o077 == 0
    assert "BEGIN PRIVATE KEY" in key.read_text(encoding="utf-8")


def test_what_is_unpacked_can_be_read_by_all_and_written_by_none(server: ScratchServer) -> None:
    server.run()
    modes = {
        str(path.relative_to(server.root / RELEASE)): path.stat().st_mode & 0o777
        for path in (server.root / RELEASE).rglob("*")
    }
    assert modes == {
        "public": 0o755,
        "public/index.html": 0o644,
        "public/404.html": 0o644,
        "start": 0o755,
        "migrate": 0o755,
    }


FAILURES = {
    "dnf": "packages",
    "mount": "product images",
    "aws": "the archive",
    "curl": "authorities of the database",
    "systemd-sysusers": "the application's user",
    "systemctl": "services",
    "nginx": "nginx's configuration",
    "openssl": "the server's certificate",
    "tar": "what is in the archive",
    f"{AGENT}/bin/amazon-cloudwatch-agent-ctl": "the agent",
    "cloud-init": "who the server is",
}


@pytest.mark.parametrize("program", FAILURES)
def test_a_step_that_fails_is_told_to_cloudformation(server: ScratchServer, program: str) -> None:
    server.stand_in(program, "exit 7")
    outcome = server.run()
    assert outcome.returncode != 0
    [told] = server.calls_of("cfn-signal")
    assert told == signal(outcome.returncode)
    assert server.calls[-1] == told


def test_a_configuration_that_nginx_refuses_is_never_put_into_service(server: ScratchServer) -> None:
    assert server.run(VPC_CIDR="nowhere").returncode != 0
    assert "systemctl reload-or-restart nginx.service" not in server.calls


def test_a_server_reports_only_when_the_load_balancer_finds_it_healthy(server: ScratchServer) -> None:
    """Else a rolling update would end the old server while requests do not come to this one (W7)."""
    healthy_at_last = (
        '[[ "$1" == s3 ]] && { cp "$ROOT/bucket/${6#s3://releases/}" "$7"; exit; }\n'
        'echo >>"$ROOT/asked"; [[ $(wc -l <"$ROOT/asked") -gt 3 ]] && echo healthy || echo unhealthy'
    )
    server.stand_in("aws", healthy_at_last)
    assert server.run().returncode == 0
    asked = server.calls_of("aws", "sleep", "cfn-signal")[1:]
    question = (
        f"aws elbv2 describe-target-health --region eu-west-1 --target-group-arn {SETTINGS['TARGET_GROUP_ARN']} "
        "--targets Id=i-0123456789abcdef0 --query TargetHealthDescriptions[0].TargetHealth.State --output text"
    )
    assert asked == [*[question, "sleep 6"] * 3, question, signal(0)]


def test_a_server_that_stays_unhealthy_fails(server: ScratchServer) -> None:
    server.stand_in("aws", '[[ "$1" == s3 ]] && cp "$ROOT/bucket/${6#s3://releases/}" "$7" || echo unhealthy')
    assert server.run().returncode != 0
    assert server.calls[-1] == signal(1)


def test_half_an_archive_is_not_put_into_service(server: ScratchServer) -> None:
    server.publish(SETTINGS["ARCHIVE_KEY"], archive()[:150])
    assert server.run().returncode != 0
    assert not (server.root / RELEASE).exists()
    server.publish(SETTINGS["ARCHIVE_KEY"], archive())
    assert server.run().returncode == 0
    assert (server.root / RELEASE / "start").is_file()


def test_an_archive_of_something_else_is_refused_in_words(server: ScratchServer) -> None:
    server.publish(SETTINGS["ARCHIVE_KEY"], archive({"readme.txt": "hello"}))
    outcome = server.run()
    assert outcome.returncode != 0
    assert "shop/1.4.2.tar.gz is no application archive: it has no public/index.html." in outcome.stdout
    assert not (server.root / "srv/application/current").exists()


def test_what_fails_at_first_is_tried_again(server: ScratchServer) -> None:
    server.stand_in("dnf", '[[ -e "$ROOT/network" ]] || { touch "$ROOT/network"; exit 1; }')
    outcome = server.run()
    assert outcome.returncode == 0
    assert len(server.calls_of("dnf")) == 2
    assert "Attempt 1 of 15 failed: dnf install " in outcome.stdout
    assert outcome.stdout == (server.root / LOG).read_text(encoding="utf-8")


def test_the_disk_does_not_fill_with_logs(server: ScratchServer) -> None:
    server.run()
    assert server.text("etc/systemd/system/logrotate.timer.d/hourly.conf") == (
        "[Timer]\nOnCalendar=\nOnCalendar=hourly\n"
    )
    rotated = server.text("etc/logrotate.d/web-server")
    assert "size 50M\nrotate 4\n" in rotated
    logged = json.loads(server.text(f"{AGENT}/etc/web-server.json"))["logs"]
    paths = {entry["file_path"] for entry in logged["logs_collected"]["files"]["collect_list"]}
    assert {path for path in paths if path not in rotated} == {f"/{LOG}"}  # written once
