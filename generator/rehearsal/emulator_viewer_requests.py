"""How CloudFront answers a request in the emulator, where ministack 1.5.33 answers otherwise or not at all.

A viewer is told from others by the Host header; `X-Forwarded-Proto` says whether it came over TLS, which the emulator
does not speak.
"""

from __future__ import annotations

import asyncio
from collections.abc import Iterator
from fnmatch import fnmatchcase
from functools import lru_cache
from http import HTTPStatus
from importlib import import_module
from typing import Any
from urllib.parse import parse_qs

from generator.rehearsal.emulator_authorization import evaluator
from generator.rehearsal.emulator_guards import MINISTACK_VERSION, PatchError, guarded, replace_function
from generator.rehearsal.programs import program

CLOUDFRONT = "ministack.services.cloudfront"
LOAD_BALANCERS = "ministack.services.alb"
ROUTE_53 = "ministack.services.route53"
CERTIFICATES = "ministack.services.acm"
S3 = "ministack.services.s3"
APPLICATION = "ministack.app"

OF_AN_ORIGIN = (
    "lb",
    "origin",
    "method",
    "uri",
    "query_string",
    "headers",
    "body",
    "viewer_is_https",
    "client_ip",
    "viewer_xff",
)


def records_of_all_accounts(table: Any) -> Iterator[tuple[str, Any]]:
    """Yield what a table of a global service holds, each with its account."""
    for (account_id, _), record in list(table._data.items()):
        yield account_id, record


def aliases_of(distribution: dict[str, Any]) -> tuple[str, ...]:
    """Return its owner's domain names that a distribution answers to."""
    return _aliases_in(distribution["config_xml"])


@lru_cache(maxsize=64)
def _aliases_in(config_xml: str) -> tuple[str, ...]:
    aliases = import_module(CLOUDFRONT)._get_distribution_aliases({"config_xml": config_xml})
    return tuple(str(each).lower() for each in aliases)


def distributions_of_all_accounts() -> None:
    """A distribution answers whoever knows its name, which may be a domain name of its owner's.

    ministack looks for it in the account of the request's signature, and a browser's request has none.
    https://docs.aws.amazon.com/AmazonCloudFront/latest/DeveloperGuide/CNAMEs.html
    """

    def everywhere(original: Any) -> Any:
        def find_distribution_for_label(label: str) -> Any:
            responses: Any = import_module("ministack.core.responses")
            for account_id, distribution in records_of_all_accounts(import_module(CLOUDFRONT)._distributions):
                if distribution["DomainName"].lower() == f"{label}.cloudfront.net":
                    # Policies, functions and buckets are looked up next, in the same task.
                    responses.set_request_account_id(account_id)
            return original(label)

        return find_distribution_for_label

    def also_by_alias(original: Any) -> Any:
        def parse_cloudfront_dataplane_host(host: str) -> str | None:
            name = host.split(":")[0].lower()
            # Most requests are those of clients to the emulator's API, which they call by its address.
            public = not name.replace(".", "").isdecimal()
            for _, distribution in records_of_all_accounts(import_module(CLOUDFRONT)._distributions) if public else ():
                if any(fnmatchcase(name, alias) for alias in aliases_of(distribution)):
                    return str(distribution["DomainName"]).split(".")[0].lower()
            label: str | None = original(host)
            return label

        return parse_cloudfront_dataplane_host

    guarded("ministack.core.responses", "set_request_account_id", "access_key_id")
    guarded(CLOUDFRONT, "_get_distribution_aliases", "dist")
    replace_function(CLOUDFRONT, "find_distribution_for_label", ("label",), everywhere)
    replace_function(APPLICATION, "_parse_cloudfront_dataplane_host", ("host",), also_by_alias)


def paths_of_viewers() -> None:
    """Every path at the name of a distribution or a load balancer is its owner's.

    ministack keeps some for itself and for other services, whatever the Host header: `/health`, `/logout`, `/v2/...`.
    """

    def passed_on(original: Any) -> Any:
        async def pre_body(method: str, path: str, headers: Any, query_params: Any, request_id: str) -> Any:
            if _is_data_plane(headers.get("host", "")):
                return None
            return await original(method, path, headers, query_params, request_id)

        return pre_body

    def answered_first(original: Any) -> Any:
        application: Any = import_module(APPLICATION)

        async def special(
            method: str, path: str, headers: Any, body: bytes, query_params: Any, request_id: str, **raw: Any
        ) -> Any:
            host = headers.get("host", "")
            if not _is_data_plane(host):
                return await original(method, path, headers, body, query_params, request_id, **raw)
            raw_path, query = raw.get("raw_path") or path, raw.get("raw_query_string", "")
            client = raw.get("client_ip", "127.0.0.1")
            return await application._handle_cloudfront_dataplane_request(
                host, path, raw_path, query, method, headers, body, query_params, client
            ) or await application._handle_alb_request(
                host, path, method, headers, body, query_params, query, raw.get("raw_path")
            )

        return special

    request = ("method", "path", "headers", "query_params", "request_id")
    replace_function(APPLICATION, "_handle_pre_body_request", request, passed_on)
    replace_function(APPLICATION, "_handle_special_data_plane_request", _DATA_PLANE_REQUEST, answered_first)
    guarded(APPLICATION, "_handle_alb_request", *_TO_LOAD_BALANCER)
    guarded(APPLICATION, "_handle_cloudfront_dataplane_request", *_TO_DISTRIBUTION)


_DATA_PLANE_REQUEST = (
    *("method", "path", "headers", "body", "query_params", "request_id"),
    *("raw_path", "raw_query_string", "client_ip"),
)
_TO_LOAD_BALANCER = (
    *("host", "path", "method", "headers", "body", "query_params"),
    *("raw_query_string", "raw_path"),
)
_TO_DISTRIBUTION = (
    *("host", "path", "raw_path", "raw_query_string", "method"),
    *("headers", "body", "query_params", "client_ip"),
)


def _is_data_plane(host: str) -> bool:
    """Whether a Host header names a distribution or a load balancer."""
    name = host.split(":")[0].lower()
    application: Any = import_module(APPLICATION)
    return name.endswith(".elb.amazonaws.com") or application._parse_cloudfront_dataplane_host(host) is not None


# ---------------------------------------------------------------------------------------------------------------------
# Origins
# ---------------------------------------------------------------------------------------------------------------------


def origins_with_domain_names() -> None:
    """An origin's domain name is looked up in Route 53: an alias record leads to the load balancer.

    ministack asks the resolver of the machine, which knows nothing of the emulator's zones.
    """

    def looked_up(original: Any) -> Any:
        def registered_alb(origin: dict[str, Any]) -> Any:
            name = load_balancer_name(origin["domain_name"])
            return original({**origin, "domain_name": name} if name else origin)

        return registered_alb

    replace_function(CLOUDFRONT, "_registered_alb", ("origin",), looked_up)


def load_balancer_name(domain_name: str) -> str:
    """Return the load balancer's name to which an alias record of any account leads; nothing where none does."""
    for _, records in records_of_all_accounts(import_module(ROUTE_53)._records):
        for record in records:
            target = record.get("AliasTarget", {}).get("DNSName", "").rstrip(".").removeprefix("dualstack.")
            same = record["Name"].rstrip(".").lower() == domain_name.rstrip(".").lower()
            if same and record["Type"] == "A" and target.endswith(".elb.amazonaws.com"):
                return str(target)
    return ""


def origins_over_tls() -> None:
    """CloudFront speaks HTTPS with a load balancer whose certificate is trusted and covers the origin's name.

    ministack refuses every such origin, having no handshake. Here what the handshake would look at is looked at.
    https://docs.aws.amazon.com/AmazonCloudFront/latest/DeveloperGuide/using-https-cloudfront-to-custom-origin.html
    """
    replace_function(CLOUDFRONT, "_fetch_from_alb_origin", OF_AN_ORIGIN, _over_tls)
    guarded(CLOUDFRONT, "_origin_connect_target", "origin", "viewer_is_https")
    guarded(CLOUDFRONT, "_origin_request_headers", "origin", "headers", "client_ip", "viewer_x_forwarded_for")
    guarded(CLOUDFRONT, "_collect_streaming_body", "stream", "read_timeout")


def _over_tls(original: Any) -> Any:
    cloudfront: Any = import_module(CLOUDFRONT)

    async def fetch(
        lb: dict[str, Any],
        origin: dict[str, Any],
        method: str,
        uri: str,
        query_string: str,
        headers: dict[str, Any],
        body: bytes,
        viewer_is_https: bool,
        client_ip: str,
        viewer_xff: str,
    ) -> Any:
        _, port, over_tls = cloudfront._origin_connect_target(origin, viewer_is_https)
        if not over_tls:
            return await original(
                lb, origin, method, uri, query_string, headers, body, viewer_is_https, client_ip, viewer_xff
            )
        # The certificate is for the origin's name, or for the Host header where the policy passes it on.
        names = {str(origin["domain_name"]), str(headers.get("host", origin["domain_name"])).split(":")[0]}
        if why := _handshake_fails(lb, port, names):
            raise cloudfront.OriginUnreachable(why)
        sent = cloudfront._origin_request_headers(origin, headers, client_ip, viewer_xff)
        request = (lb, method, uri, {name.lower(): value for name, value in sent.items()}, body or b"")
        return await _answer_of_load_balancer(request, query_string, port, origin["read_timeout"])

    return fetch


async def _answer_of_load_balancer(request: tuple[Any, ...], query: str, port: int, timeout: float) -> Any:
    """Return status, reason, headers and body of a load balancer's answer to CloudFront."""
    cloudfront: Any = import_module(CLOUDFRONT)
    parsed = parse_qs(query, keep_blank_values=True)
    dispatched = import_module(LOAD_BALANCERS).dispatch_request(*request, parsed, port, raw_query_string=query)
    try:
        status, answered, data = await asyncio.wait_for(dispatched, timeout)
    except TimeoutError as error:
        raise cloudfront.OriginTimeout(f"no answer within {timeout} seconds") from error
    if not isinstance(data, bytes):
        data = await cloudfront._collect_streaming_body(data, timeout)
    pairs = [(name, each) for name, value in answered.items() for each in _listed(value)]
    return status, HTTPStatus(status).phrase, pairs, data


def _listed(value: Any) -> list[Any]:
    return value if isinstance(value, list) else [value]


def _handshake_fails(load_balancer: dict[str, Any], port: int, names: set[str]) -> str:
    """Return why CloudFront would not trust the load balancer at a port; nothing where it would."""
    arn = load_balancer["LoadBalancerArn"]
    listeners = import_module(LOAD_BALANCERS)._listeners.values()
    found = [each for each in listeners if each["LoadBalancerArn"] == arn and int(each["Port"]) == port]
    if not found or found[0]["Protocol"] != "HTTPS":
        return f"{load_balancer['DNSName']} has no HTTPS listener on port {port}"
    certificate = import_module(CERTIFICATES)._certificates.get(found[0]["Certificates"][0]) or {}
    if certificate.get("Type") != "AMAZON_ISSUED":
        return f"no authority that CloudFront trusts has issued the certificate of {load_balancer['DNSName']}"
    if not any(covers(certificate, name) for name in names):
        return f"the certificate of {load_balancer['DNSName']} is not for {' or '.join(sorted(names))}"
    return ""


def covers(certificate: dict[str, Any], name: str) -> bool:
    """Whether a certificate of ACM is for a domain name; a wildcard stands for one label."""
    names = {certificate.get("DomainName", ""), *certificate.get("SubjectAlternativeNames", ())}
    return bool(names & {name.lower(), "*." + name.lower().partition(".")[2]})


def missing_objects() -> None:
    """S3 tells CloudFront that an object is not there where CloudFront may list the bucket; else it tells nothing.

    https://docs.aws.amazon.com/AmazonS3/latest/API/API_GetObject.html#API_GetObject_RequestSyntax
    """

    def telling(original: Any) -> Any:
        def fetch(
            bucket_name: str, key: str, method: str, headers: Any, source_arn: str = "", oai_id: str = ""
        ) -> tuple[int, Any, bytes]:
            answer: tuple[int, Any, bytes] = original(bucket_name, key, method, headers, source_arn, oai_id)
            s3: Any = import_module(S3)
            owner = s3._bucket_owner_account(bucket_name)
            if answer[0] != HTTPStatus.FORBIDDEN or owner is None or not _may_list(owner, bucket_name, source_arn):
                return answer
            if key in s3._buckets.get_scoped(owner, None, bucket_name)["objects"]:
                return answer
            missing = s3._error("NoSuchKey", "The specified key does not exist.", 404, f"/{bucket_name}/{key}")
            return missing[0], missing[1], b"" if method == "HEAD" else missing[2]

        return fetch

    guarded(S3, "_error", "code", "message", "status", "resource", "extra", "headers")
    of_request = ("bucket_name", "key", "method", "headers", "source_arn", "oai_id")
    replace_function(S3, "serve_cloudfront_origin_fetch", of_request, telling)


def _may_list(owner: str, bucket: str, distribution_arn: str) -> bool:
    policy = import_module(S3)._bucket_policies.get_scoped(owner, None, bucket)
    if not policy or not distribution_arn:
        return False
    question = evaluator().EvalContext(
        principal_arn="*",
        principal_type="Service",
        principal_account="",
        action="s3:ListBucket",
        resource_arn=f"arn:aws:s3:::{bucket}",
        region=import_module("ministack.core.responses").get_region(),
        secure_transport=True,
        service_context={"aws:sourcearn": distribution_arn, "aws:sourceaccount": owner},
    )
    answer = evaluator().evaluate_resource_policy(policy, question, service="cloudfront.amazonaws.com")
    return bool(answer.decision == "Allow")


def functions_in_node() -> None:
    """CloudFront's functions run in the node that the rehearsal brings; ministack takes the one on PATH, if any."""
    pool: Any = import_module("ministack.core.node_pool")
    if not isinstance(getattr(pool, "_NODE_BINARY", None), str):
        raise PatchError(f"ministack.core.node_pool._NODE_BINARY is gone; written for ministack {MINISTACK_VERSION}.")
    pool._NODE_BINARY = str(program("node"))


VIEWER_REQUESTS = (
    distributions_of_all_accounts,
    paths_of_viewers,
    origins_with_domain_names,
    origins_over_tls,
    missing_objects,
    functions_in_node,
)
