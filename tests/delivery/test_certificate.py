"""A certificate is made once, renewed in its place, mended where it is lost, and never taken from others."""

from __future__ import annotations

import dataclasses
import itertools
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from botocore.exceptions import ClientError
from cryptography.hazmat.primitives.serialization import load_pem_private_key
from cryptography.x509 import load_pem_x509_certificate

from generator.delivery.certificate import (
    OURS,
    Action,
    Certificate,
    Validity,
    ensure_certificate,
    ensure_self_signed,
    imported_for,
)
from generator.delivery.self_signed_certificate import self_signed
from generator.environment import TemplateConfiguration, load
from generator.errors import UserError
from generator.parameter_types import DomainName
from tests.delivery.conftest import REGION, ROOT, Account

NOW = datetime.now(UTC)
PARAMETER = "/web-platform/dev/certificate-arn"
ISSUED_ELSEWHERE = "elsewhere.example.com"


@pytest.fixture(scope="module")
def dev() -> TemplateConfiguration:
    return load(ROOT / "params/dev.json")


@pytest.fixture
def ensure(account: Account, dev: TemplateConfiguration) -> Any:
    def run(now: datetime = NOW, **validity: int) -> Certificate:
        return ensure_certificate(account.client("acm"), account.client("ssm"), dev, now, Validity(**validity))

    return run


def arns(account: Account) -> list[str]:
    return [each["CertificateArn"] for each in account.client("acm").list_certificates()["CertificateSummaryList"]]


def named(account: Account) -> str:
    return str(account.client("ssm").get_parameter(Name=PARAMETER)["Parameter"]["Value"])


def name(account: Account, arn: str) -> None:
    account.client("ssm").put_parameter(Name=PARAMETER, Value=arn, Type="String", Overwrite=True)


def in_acm(account: Account, arn: str) -> str:
    return str(account.client("acm").get_certificate(CertificateArn=arn)["Certificate"])


def test_the_first_time_it_is_imported_tagged_and_named(
    account: Account, ensure: Any, dev: TemplateConfiguration
) -> None:
    made = ensure()
    assert (made.action, made.parameter_written) == (Action.IMPORTED, True)
    assert arns(account) == [made.arn] == [named(account)]
    assert in_acm(account, made.arn) == made.pem_certificate
    tags = account.client("acm").list_tags_for_certificate(CertificateArn=made.arn)["Tags"]
    assert {tag["Key"]: tag["Value"] for tag in tags} == {**dev.tags, OURS: "dev"}
    of_parameter = account.client("ssm").list_tags_for_resource(ResourceType="Parameter", ResourceId=PARAMETER)
    assert {tag["Key"]: tag["Value"] for tag in of_parameter["TagList"]} == dev.tags


def test_the_key_is_handed_out_once_and_not_printed(ensure: Any) -> None:
    made = ensure()
    key = load_pem_private_key(made.pem_key.encode(), None)
    assert key.public_key() == load_pem_x509_certificate(made.pem_certificate.encode()).public_key()
    assert "PRIVATE" not in repr(made)
    assert ensure().pem_key is None


def test_the_key_touches_no_disk(ensure: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    written: list[str] = []
    original = Path.open

    def noting(self: Path, mode: str = "r", *rest: Any, **options: Any) -> Any:
        written.extend([str(self)] if set(mode) & set("wax+") else [])
        return original(self, mode, *rest, **options)

    monkeypatch.setattr(Path, "open", noting)
    monkeypatch.chdir(tmp_path)
    ensure()
    assert written == []
    assert list(tmp_path.iterdir()) == []


def test_a_good_one_is_kept(account: Account, ensure: Any) -> None:
    first, second = ensure(), ensure(NOW + timedelta(days=300))
    assert second.action is Action.KEPT
    assert (second.arn, second.pem_certificate) == (first.arn, first.pem_certificate)
    assert not second.parameter_written
    assert arns(account) == [first.arn]


def test_before_its_end_it_is_renewed_in_its_place(account: Account, ensure: Any) -> None:
    first = ensure(days=90)
    later = first.not_after - timedelta(days=60)
    assert ensure(later - timedelta(minutes=1), days=90).action is Action.KEPT
    renewed = ensure(later, days=90)
    assert (renewed.action, renewed.arn) == (Action.RENEWED, first.arn)
    assert renewed.pem_certificate == in_acm(account, first.arn) != first.pem_certificate
    assert renewed.not_after > later + timedelta(days=89)
    assert not renewed.parameter_written, "nothing needs a deployment"
    assert arns(account) == [first.arn]
    assert list(imported_for(account.client("acm"), "dev")) == [first.arn], "it is still known as ours"


def test_it_is_renewed_before_acm_warns_of_its_end() -> None:
    """Else every renewal would come with warnings, and nobody would read the one that matters."""
    assert Validity().renew_before_days > 45


def test_an_expired_one_is_renewed_too(ensure: Any) -> None:
    first = ensure(days=61)
    assert ensure(NOW + timedelta(days=400)).arn == first.arn


def test_year_after_year_there_is_one_certificate_and_it_never_ends(account: Account, ensure: Any) -> None:
    """A schedule of once a week, for three years."""
    day, ends = NOW, []
    while day < NOW + timedelta(days=3 * 365):
        current = ensure(day)
        assert current.not_after > day
        ends.append(current.not_after)
        day += timedelta(days=7)
    assert len(set(ends)) == 4
    assert len(arns(account)) == 1


@pytest.mark.parametrize(
    "value",
    [
        "arn:aws:acm:eu-west-1:{account}:certificate/00000000-0000-0000-0000-000000000000",
        "arn:aws:acm:us-east-1:{account}:certificate/00000000-0000-0000-0000-000000000000",
        "arn:aws:acm:eu-west-1:111122223333:certificate/00000000-0000-0000-0000-000000000000",
        "nonsense",
    ],
)
def test_a_parameter_that_points_to_nothing_is_mended(account: Account, ensure: Any, value: str) -> None:
    name(account, value.format(account=account.account_id))
    made = ensure()
    assert (made.action, made.parameter_written) == (Action.IMPORTED, True)
    assert named(account) == made.arn


def test_a_lost_parameter_is_written_again_for_the_certificate_there_is(account: Account, ensure: Any) -> None:
    first = ensure()
    account.client("ssm").delete_parameter(Name=PARAMETER)
    again = ensure()
    assert (again.arn, again.action, again.parameter_written) == (first.arn, Action.KEPT, True)
    assert named(account) == first.arn


@pytest.mark.parametrize("stop_at", range(1, 3))
def test_a_run_that_was_stopped_anywhere_is_completed_by_the_next(
    account: Account, dev: TemplateConfiguration, ensure: Any, stop_at: int
) -> None:
    class Interrupted(Exception):  # noqa: N818
        pass

    steps = itertools.count(1)

    class Stopping:
        """A client whose writes are counted, and stopped at the given one."""

        def __init__(self, client: Any) -> None:
            self._client = client

        def __getattr__(self, attribute: str) -> Any:
            if attribute in ("import_certificate", "put_parameter") and next(steps) == stop_at:
                raise Interrupted
            return getattr(self._client, attribute)

    acm: Any = Stopping(account.client("acm"))
    ssm: Any = Stopping(account.client("ssm"))
    with pytest.raises(Interrupted):
        ensure_certificate(acm, ssm, dev, NOW)
    made = ensure()
    assert arns(account) == [made.arn] == [named(account)]


def foreign(account: Account) -> str:
    requested = account.client("acm").request_certificate(DomainName=ISSUED_ELSEWHERE)
    name(account, requested["CertificateArn"])
    return str(requested["CertificateArn"])


def test_what_others_imported_is_left_alone_while_it_is_good(account: Account, ensure: Any) -> None:
    arn = foreign(account)
    found = ensure()
    assert (found.arn, found.action, found.pem_key, found.parameter_written) == (arn, Action.LEFT, None, False)
    assert arns(account) == [arn]


def test_what_others_imported_is_not_replaced_when_it_ends(account: Account, ensure: Any) -> None:
    arn = foreign(account)
    with pytest.raises(UserError, match=rf"{arn}: expires on .* import its renewal .* or delete .*{PARAMETER}"):
        ensure(NOW + timedelta(days=350))
    assert arns(account) == [arn]
    account.client("ssm").delete_parameter(Name=PARAMETER)
    assert ensure().action is Action.IMPORTED


def test_what_is_made_for_another_environment_is_not_ours(account: Account, ensure: Any) -> None:
    acm, ssm = account.client("acm"), account.client("ssm")
    other = ensure_self_signed(acm, ssm, "staging", {}, NOW)
    assert ensure().arn != other.arn
    name(account, other.arn)
    assert ensure().action is Action.LEFT


def test_of_several_the_one_that_lasts_is_taken(account: Account, ensure: Any, dev: TemplateConfiguration) -> None:
    acm = account.client("acm")
    made = [self_signed("dev", REGION, NOW, days) for days in (200, 300, 100)]
    tags = [{"Key": OURS, "Value": "dev"}]
    imported = [
        acm.import_certificate(Certificate=each, PrivateKey=key, Tags=tags)["CertificateArn"] for each, key in made
    ]
    assert ensure().arn == imported[1]


def test_a_refusal_that_says_nothing_about_the_certificate_is_no_answer(account: Account, ensure: Any) -> None:
    """Else a throttled or forbidden look would end in another certificate."""
    first = ensure()
    acm = account.client("acm")

    class Refusing:
        exceptions = acm.exceptions
        meta = acm.meta

        def describe_certificate(self, **_: Any) -> Any:
            raise ClientError({"Error": {"Code": "AccessDeniedException", "Message": "no"}}, "DescribeCertificate")

    with pytest.raises(ClientError, match="AccessDenied"):
        ensure_self_signed(Refusing(), account.client("ssm"), "dev", {}, NOW)  # type: ignore[arg-type]
    assert arns(account) == [first.arn]


def test_with_a_domain_there_is_nothing_to_import(account: Account, dev: TemplateConfiguration) -> None:
    with_domain = dataclasses.replace(dev.environment, domain_name=DomainName("shop.example.com"))
    configuration = dataclasses.replace(dev, environment=with_domain)
    with pytest.raises(ValueError, match="issued by ACM"):
        ensure_certificate(account.client("acm"), account.client("ssm"), configuration, NOW)
    assert arns(account) == []


@pytest.mark.parametrize(
    ("days", "renew_before_days", "message"),
    [
        (0, 0, "1 to 398 days, not 0"),
        (399, 30, "1 to 398 days, not 399"),
        (30, 30, "0 to 29 days before its end, not 30"),
        (30, -1, "0 to 29 days before its end, not -1"),
    ],
)
def test_a_validity_that_makes_no_sense_is_refused(days: int, renew_before_days: int, message: str) -> None:
    with pytest.raises(UserError, match=message):
        Validity(days, renew_before_days)


def test_the_parameter_is_the_one_that_the_ingress_stack_reads(texts: dict[str, str]) -> None:
    assert "{{resolve:ssm:" + PARAMETER.replace("dev", "${EnvironmentName}") + "}}" in texts["ingress"]
