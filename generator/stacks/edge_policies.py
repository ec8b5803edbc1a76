"""What CloudFront keeps of answers, which headers it adds, and how it finds a page: part of the stack `edge`.

Names of pages stay and their content changes, so that CloudFront asks the bucket each time whether a page has changed
(D4). Names of assets hold a hash of their content: what has been fetched once is good for a year. An object's own
`Cache-Control` wins over what stands here, so that an error page is never kept as long as the asset that it replaces.
Images of products keep their names too: they are kept for a day at most, or as long as the web servers say.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from troposphere import Sub, Template
from troposphere.cloudfront import (
    CacheCookiesConfig,
    CacheHeadersConfig,
    CachePolicy,
    CachePolicyConfig,
    CacheQueryStringsConfig,
    CustomHeader,
    CustomHeadersConfig,
    Function,
    FunctionConfig,
    ParametersInCacheKeyAndForwardedToOrigin,
    ResponseHeadersPolicy,
    ResponseHeadersPolicyConfig,
)

from generator.cloudfront_functions import page_routes
from generator.naming import PROJECT, in_environment, kebab_case, name_tag
from generator.nesting import conditional
from generator.response_headers import security_headers

IMAGES_PATH = "/product-images/*"
APPLICATION_PATHS = ("/api/*", IMAGES_PATH, "/healthz")
"""What the web servers answer, as CloudFront's path patterns; everything else is the website's."""

DAY_SECONDS, YEAR_SECONDS = 86_400, 31_536_000
REVALIDATED = "no-cache"
IMMUTABLE = f"public, max-age={YEAR_SECONDS}, immutable"

# CloudFront's own policies have the same ids in all accounts.
# https://docs.aws.amazon.com/AmazonCloudFront/latest/DeveloperGuide/using-managed-cache-policies.html
CACHING_DISABLED = "4135ea2d-6df8-44a3-9df3-4b5a84be39ad"
# With the viewer's Host, so that the application knows itself by its public name alone; its certificate has that name.
# https://docs.aws.amazon.com/AmazonCloudFront/latest/DeveloperGuide/using-managed-origin-request-policies.html
ALL_VIEWER = "216adef6-5c7f-47e4-b989-5492eafa07d3"


@dataclass(frozen=True)
class CachePolicies:
    """How long CloudFront keeps what."""

    pages: CachePolicy
    assets: CachePolicy
    images: CachePolicy


@dataclass(frozen=True)
class HeadersPolicies:
    """Which headers CloudFront adds to what."""

    pages: ResponseHeadersPolicy
    assets: ResponseHeadersPolicy
    application: ResponseHeadersPolicy


def add_cache_policies(template: Template, with_application: str) -> CachePolicies:
    """Add the cache policies; the one of images under the condition that the application is behind CloudFront."""
    return CachePolicies(
        pages=_cache_policy(template, "Pages", default_seconds=0, maximum_seconds=DAY_SECONDS),
        assets=_cache_policy(template, "Assets", default_seconds=YEAR_SECONDS, maximum_seconds=YEAR_SECONDS),
        images=_cache_policy(
            template, "Images", default_seconds=DAY_SECONDS, maximum_seconds=DAY_SECONDS, condition=with_application
        ),
    )


def add_headers_policies(template: Template, with_application: str) -> HeadersPolicies:
    """Add the response headers policies; the application says itself how long its answers are good."""
    return HeadersPolicies(
        pages=_headers_policy(template, "Pages", cache_control=REVALIDATED),
        assets=_headers_policy(template, "Assets", cache_control=IMMUTABLE),
        application=_headers_policy(template, "Application", condition=with_application),
    )


def add_page_routes(template: Template) -> Function:
    """Add the function that answers every page of the single-page application with its index.html (D4)."""
    return template.add_resource(
        Function(
            "PageRoutes",
            Name=global_name("page-routes"),
            AutoPublish=True,
            FunctionCode=page_routes(APPLICATION_PATHS),
            FunctionConfig=FunctionConfig(Comment="Finds the page for a path.", Runtime="cloudfront-js-2.0"),
            Tags=name_tag("page-routes"),
        )
    )


def global_name(what: str) -> Sub:
    """Return a name that is unique in the account: CloudFront's are, whatever the region of the stack."""
    return in_environment(f"{PROJECT}-${{EnvironmentName}}-${{AWS::Region}}-{what}")


def _cache_policy(
    template: Template, subject: str, *, default_seconds: int, maximum_seconds: int, condition: str | None = None
) -> CachePolicy:
    """Add a cache policy under which the path alone tells one object from another."""
    key = ParametersInCacheKeyAndForwardedToOrigin(
        CookiesConfig=CacheCookiesConfig(CookieBehavior="none"),
        EnableAcceptEncodingBrotli=True,
        EnableAcceptEncodingGzip=True,
        HeadersConfig=CacheHeadersConfig(HeaderBehavior="none"),
        QueryStringsConfig=CacheQueryStringsConfig(QueryStringBehavior="none"),
    )
    return template.add_resource(
        CachePolicy(
            f"{subject}CachePolicy",
            **conditional(condition),
            CachePolicyConfig=CachePolicyConfig(
                Name=global_name(kebab_case(subject)),
                MinTTL=0,
                DefaultTTL=default_seconds,
                MaxTTL=maximum_seconds,
                ParametersInCacheKeyAndForwardedToOrigin=key,
            ),
        )
    )


def _headers_policy(
    template: Template, subject: str, cache_control: str | None = None, condition: str | None = None
) -> ResponseHeadersPolicy:
    added: dict[str, Any] = {}
    if cache_control is not None:
        header = CustomHeader(Header="Cache-Control", Value=cache_control, Override=False)
        added = {"CustomHeadersConfig": CustomHeadersConfig(Items=[header])}
    return template.add_resource(
        ResponseHeadersPolicy(
            f"{subject}HeadersPolicy",
            **conditional(condition),
            ResponseHeadersPolicyConfig=ResponseHeadersPolicyConfig(
                Name=global_name(kebab_case(subject)), SecurityHeadersConfig=security_headers(), **added
            ),
        )
    )
