"""The security headers of every answer, said once: the load balancer sends them, and CloudFront does (D17).

Everything that a page loads comes from where the page comes from, and nothing stands inline; a page that wants more
needs another policy here. The load balancer cannot send a referrer policy, which the web servers add.
https://docs.aws.amazon.com/elasticloadbalancing/latest/application/header-modification.html
"""

from __future__ import annotations

from troposphere.cloudfront import (
    ContentSecurityPolicy,
    ContentTypeOptions,
    FrameOptions,
    ReferrerPolicy,
    SecurityHeadersConfig,
    StrictTransportSecurity,
)
from troposphere.elasticloadbalancingv2 import ListenerAttribute

HTTPS_ONLY_SECONDS = 31_536_000  # a year; subdomains are the domain owner's to decide
CONTENT_SECURITY_POLICY = "; ".join(
    (
        "default-src 'self'",
        "base-uri 'none'",
        "form-action 'self'",
        "frame-ancestors 'none'",
        "object-src 'none'",
    )
)
FRAME_OPTIONS = "DENY"
REFERRER_POLICY = "strict-origin-when-cross-origin"


def listener_attributes() -> list[ListenerAttribute]:
    """Return the attributes of an HTTPS listener that sends the headers, and not the load balancer's own name."""
    headers = {
        "strict_transport_security": f"max-age={HTTPS_ONLY_SECONDS}",
        "content_security_policy": CONTENT_SECURITY_POLICY,
        "x_content_type_options": "nosniff",
        "x_frame_options": FRAME_OPTIONS,
    }
    named = {f"routing.http.response.{name}.header_value": value for name, value in headers.items()}
    attributes = {**named, "routing.http.response.server.enabled": "false"}
    return [ListenerAttribute(Key=key, Value=value) for key, value in attributes.items()]


def security_headers() -> SecurityHeadersConfig:
    """Return the part of a CloudFront response headers policy that sends the headers, whatever an origin sends."""
    return SecurityHeadersConfig(
        ContentSecurityPolicy=ContentSecurityPolicy(ContentSecurityPolicy=CONTENT_SECURITY_POLICY, Override=True),
        ContentTypeOptions=ContentTypeOptions(Override=True),
        FrameOptions=FrameOptions(FrameOption=FRAME_OPTIONS, Override=True),
        ReferrerPolicy=ReferrerPolicy(ReferrerPolicy=REFERRER_POLICY, Override=True),
        StrictTransportSecurity=StrictTransportSecurity(
            AccessControlMaxAgeSec=HTTPS_ONLY_SECONDS, IncludeSubdomains=False, Override=True, Preload=False
        ),
    )
