"""CloudFront answers as on AWS: at its names, from its origins, with its pages, and no further than it may."""

from __future__ import annotations

import json

import pytest
from edges import PAGE, SCRIPT, Edge, certificate, edge

from generator.rehearsal.emulator import Emulator

DOMAIN = "viewers.example.com"


@pytest.fixture(scope="module")
def deployed(emulator: Emulator) -> Edge:
    found = edge(emulator, "viewers", DOMAIN)
    assert found.deploy()["StackStatus"] == "CREATE_COMPLETE", found.account.failures("viewers")
    for key, body, content_type in (
        ("index.html", PAGE, "text/html"),
        ("404.html", b"not here", "text/html"),
        ("unavailable.html", b"not now", "text/html"),
        ("assets/app.1a2b.js", SCRIPT, "text/javascript"),
    ):
        found.upload(key, body, content_type)
    return found


def test_a_distribution_answers_at_its_own_name_and_at_its_domain(deployed: Edge) -> None:
    for host in ("", DOMAIN, DOMAIN.upper(), f"{DOMAIN}:443"):
        assert deployed.get("/", host).body == PAGE


def test_plain_http_is_upgraded(deployed: Edge) -> None:
    answer = deployed.ask("GET", "/cart?item=1", DOMAIN)
    assert (answer.status, answer.headers["location"]) == (301, f"https://{DOMAIN}/cart?item=1")
    assert answer.headers["x-cache"] == "Redirect from cloudfront"


@pytest.mark.parametrize("path", ["/cart", "/products/7", "/health", "/logout", "/v2/email", "/oauth2/authorize"])
def test_every_path_is_the_websites(deployed: Edge, path: str) -> None:
    answer = deployed.get(path)
    assert (answer.status, answer.body) == (200, PAGE)


def test_paths_of_a_load_balancer_are_its_own(deployed: Edge) -> None:
    host = deployed.outputs["LoadBalancerName"]
    for path in ("/health", "/v2/email"):
        assert deployed.ask("GET", path, f"{host}:443").body == b"no"


def test_security_headers_are_added(deployed: Edge) -> None:
    headers = deployed.get("/").headers
    assert headers["strict-transport-security"] == "max-age=63072000; includeSubDomains"
    assert headers["content-security-policy"] == "default-src 'self'"
    assert (headers["x-frame-options"], headers["x-content-type-options"]) == ("DENY", "nosniff")
    assert headers["referrer-policy"] == "strict-origin-when-cross-origin"
    assert headers["cache-control"] == "no-cache"


def test_what_is_missing_gets_its_page_and_404(deployed: Edge) -> None:
    answer = deployed.get("/assets/app.0000.js")
    assert (answer.status, answer.body, answer.headers["x-cache"]) == (404, b"not here", "Error from cloudfront")


def test_without_the_right_to_list_what_is_missing_is_forbidden(deployed: Edge) -> None:
    s3, bucket = deployed.client("s3"), deployed.outputs["Website"]
    policy = s3.get_bucket_policy(Bucket=bucket)["Policy"]
    statements = [each for each in json.loads(policy)["Statement"] if each["Sid"] != "List"]
    s3.put_bucket_policy(Bucket=bucket, Policy=json.dumps({"Version": "2012-10-17", "Statement": statements}))
    try:
        assert deployed.get("/assets/app.0001.js").status == 403
    finally:
        s3.put_bucket_policy(Bucket=bucket, Policy=policy)


def test_another_distribution_may_not_read_the_bucket(deployed: Edge) -> None:
    s3, bucket = deployed.client("s3"), deployed.outputs["Website"]
    policy = s3.get_bucket_policy(Bucket=bucket)["Policy"]
    s3.put_bucket_policy(Bucket=bucket, Policy=policy.replace(deployed.outputs["DistributionId"], "E0THER"))
    try:
        assert deployed.get("/only-here.html").status == 403
    finally:
        s3.put_bucket_policy(Bucket=bucket, Policy=policy)


def test_a_method_that_is_not_allowed_is_refused(deployed: Edge) -> None:
    assert deployed.ask("POST", "/", body=b"x", X_Forwarded_Proto="https").status == 403


def test_an_unchanged_page_is_not_sent_again(deployed: Edge) -> None:
    tag = deployed.get("/").headers["etag"]
    answer = deployed.get("/", If_None_Match=tag)
    assert (answer.status, answer.body) == (304, b"")
    assert deployed.get("/", If_None_Match='"another"').status == 200


def test_a_part_is_sent_where_a_part_is_asked_for(deployed: Edge) -> None:
    answer = deployed.get("/assets/app.1a2b.js", Range="bytes=0-6")
    assert (answer.status, answer.body) == (206, b"console")


def test_a_head_request_is_answered_without_a_body(deployed: Edge) -> None:
    answer = deployed.ask("HEAD", "/", X_Forwarded_Proto="https")
    assert (answer.status, answer.body, answer.headers["content-type"]) == (200, b"", "text/html")


# ---------------------------------------------------------------------------------------------------------------------
# The load balancer as origin
# ---------------------------------------------------------------------------------------------------------------------


def test_the_application_answers_through_cloudfront_alone(deployed: Edge) -> None:
    through = deployed.get("/api/products?page=2", DOMAIN)
    assert (through.status, json.loads(through.body)) == (200, {"ok": True})
    direct = deployed.ask("GET", "/api/products", f"{deployed.outputs['LoadBalancerName']}:443")
    assert (direct.status, direct.body) == (403, b"no")
    assert direct.headers["strict-transport-security"] == "max-age=1"
    assert "server" not in direct.headers


def test_the_secret_is_not_the_viewers_to_give(deployed: Edge) -> None:
    answer = deployed.get("/api/products", DOMAIN, X_Origin_Verify="guessed")
    assert answer.status == 200  # CloudFront puts its own in the place of the viewer's
    host = f"{deployed.outputs['LoadBalancerName']}:443"
    assert deployed.ask("GET", "/api/products", host, X_Origin_Verify="guessed").status == 403


def test_an_origin_that_dns_does_not_know_is_unavailable(deployed: Edge) -> None:
    route53, zone = deployed.client("route53"), deployed.parameters["Zone"]
    records = route53.list_resource_record_sets(HostedZoneId=zone)["ResourceRecordSets"]
    [record] = [each for each in records if each["Name"] == f"origin.{DOMAIN}."]

    def change(action: str) -> None:
        batch = {"Changes": [{"Action": action, "ResourceRecordSet": record}]}
        route53.change_resource_record_sets(HostedZoneId=zone, ChangeBatch=batch)

    change("DELETE")
    try:
        assert deployed.get("/api/products", DOMAIN).status == 502
    finally:
        change("CREATE")
    assert deployed.get("/api/products", DOMAIN).status == 200


@pytest.mark.parametrize("name", [DOMAIN, "origin.another.example.com"])
def test_an_origin_whose_certificate_is_for_another_name_is_unavailable(deployed: Edge, name: str) -> None:
    assert _status_with(deployed, certificate(deployed, name, "eu-west-1")) == 502


def test_an_origin_with_an_imported_certificate_is_unavailable(deployed: Edge) -> None:
    store = deployed.client("acm")
    imported = store.import_certificate(Certificate=b"self-signed", PrivateKey=b"key")["CertificateArn"]
    assert _status_with(deployed, imported) == 502


def test_an_origin_with_a_wildcard_certificate_is_trusted(deployed: Edge) -> None:
    assert _status_with(deployed, certificate(deployed, f"*.{DOMAIN}", "eu-west-1")) == 200


def _status_with(deployed: Edge, arn: str) -> int:
    """Return how the application answers while the load balancer has another certificate."""
    elb, listener = deployed.client("elbv2"), deployed.outputs["HttpsListener"]
    [described] = elb.describe_listeners(ListenerArns=[listener])["Listeners"]
    before = described["Certificates"]
    elb.modify_listener(ListenerArn=listener, Certificates=[{"CertificateArn": arn}])
    try:
        return deployed.get("/api/products", DOMAIN).status
    finally:
        elb.modify_listener(ListenerArn=listener, Certificates=before)
