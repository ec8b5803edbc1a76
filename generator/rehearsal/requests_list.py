"""What clients ask of a deployed platform that runs the sample application, and what they should get: one list to read.

Names in braces: `load_balancer` is its DNS name, `origin` a name of it that its certificate is for, `website` the
distribution, `bucket` the website's; `stylesheet` and `image` are paths.
"""

from __future__ import annotations

from generator.rehearsal.requests_table import Request

REVALIDATED, IMMUTABLE = "no-cache", "public, max-age=31536000, immutable"
HTML, JSON, PROBLEM = "text/html*", "application/json*", "application/problem+json*"

SECURITY_HEADERS = {
    "strict-transport-security": "max-age=31536000*",
    "content-security-policy": "default-src 'self';*",
    "x-content-type-options": "nosniff",
    "x-frame-options": "DENY",
    "referrer-policy": "strict-origin-when-cross-origin",
}
COMPRESSED = {"Accept-Encoding": "gzip"}

LOAD_BALANCER = (
    Request(
        "W3",
        "HTTP is upgraded; path and query stay",
        "GET http://{load_balancer}/products/1?from=mail",
        {"status": "301", "location": "https://{load_balancer}:443/products/1?from=mail"},
    ),
    Request("W6", "the application is healthy", "GET https://{origin}/healthz", {"status": "200", "body": "ok*"}),
    Request(
        "W1",
        "the storefront, from a web server",
        "GET https://{origin}/",
        {"status": "200", "content-type": HTML, "cache-control": REVALIDATED},
    ),
    Request("D17", "security headers of a page", "GET https://{origin}/", SECURITY_HEADERS),
    Request(
        "D17",
        "security headers of the application's answers",
        "GET https://{origin}/api/products",
        SECURITY_HEADERS,
    ),
    Request(
        "D4",
        "a path of the single-page application",
        "GET https://{origin}/products/1",
        {"status": "200", "content-type": HTML, "cache-control": REVALIDATED},
    ),
    Request(
        "D4",
        "an asset is kept for a year, and compressed",
        "GET https://{origin}{stylesheet}",
        {"status": "200", "content-type": "text/css*", "cache-control": IMMUTABLE, "content-encoding": "gzip"},
        headers=COMPRESSED,
    ),
    Request(
        "D4",
        "a file that is not there",
        "GET https://{origin}/missing.png",
        {"status": "404", "content-type": HTML, "cache-control": REVALIDATED},
    ),
    Request(
        "D5",
        "an unknown path of the application",
        "GET https://{origin}/api/unknown",
        {"status": "404", "content-type": PROBLEM},
    ),
    Request(
        "D5",
        "a method that is not allowed",
        "DELETE https://{origin}/api/products",
        {"status": "405", "content-type": PROBLEM, "allow": "*GET*"},
    ),
    Request(
        "E9",
        "products, from PostgreSQL",
        "GET https://{origin}/api/products",
        {"status": "200", "content-type": JSON, "cache-control": "no-store", "body": '*"price_cents"*'},
    ),
    Request(
        "E11",
        "a product's image, from EFS",
        "GET https://{origin}{image}",
        {"status": "200", "content-type": "image/svg+xml*", "cache-control": "public, max-age=86400, must-revalidate"},
    ),
    Request(
        "E10",
        "a cart, in DynamoDB; its cookie is for HTTPS and not for scripts",
        "PUT https://{origin}/api/cart",
        {"status": "200", "set-cookie": "session=*; Secure; HttpOnly; *SameSite=Lax", "body": '*"version":1*'},
        headers={"If-Match": '"0"', "Content-Type": "application/json"},
        body='{"quantities": {"1": 2}}',
    ),
)

CLOUDFRONT = (
    Request(
        "W3",
        "HTTP is upgraded; path and query stay",
        "GET http://{website}/products/1?from=mail",
        {"status": "301", "location": "https://{website}/products/1?from=mail"},
    ),
    Request(
        "E7",
        "the storefront, from its bucket",
        "GET https://{website}/",
        {"status": "200", "content-type": HTML, "cache-control": REVALIDATED, "via": "*(CloudFront)"},
    ),
    Request("D17", "security headers of a page", "GET https://{website}/", SECURITY_HEADERS),
    Request(
        "D4",
        "a path of the single-page application",
        "GET https://{website}/products/1",
        {"status": "200", "content-type": HTML, "cache-control": REVALIDATED},
    ),
    Request(
        "D4",
        "an asset is kept for a year, and compressed",
        "GET https://{website}{stylesheet}",
        {"status": "200", "content-type": "text/css*", "cache-control": IMMUTABLE, "content-encoding": "gzip"},
        headers=COMPRESSED,
    ),
    Request(
        "D4",
        "a file that is not there",
        "GET https://{website}/missing.png",
        {"status": "404", "content-type": HTML},
    ),
    Request("D8", "a method that pages do not have", "POST https://{website}/", {"status": "403"}),
    Request(
        "E7",
        "the bucket itself",
        "GET https://{bucket}.s3.{region}.amazonaws.com/index.html",
        {"status": "403"},
    ),
)

APPLICATION_BEHIND_CLOUDFRONT = (
    Request(
        "W1",
        "the application is healthy, through CloudFront",
        "GET https://{website}/healthz",
        {"status": "200", "body": "ok*", "via": "*(CloudFront)"},
    ),
    Request(
        "E9",
        "products, through CloudFront",
        "GET https://{website}/api/products",
        {"status": "200", "content-type": JSON, "cache-control": "no-store", "body": '*"price_cents"*'},
    ),
    Request(
        "D17", "security headers of the application's answers", "GET https://{website}/api/products", SECURITY_HEADERS
    ),
    Request(
        "E11",
        "a product's image, through CloudFront",
        "GET https://{website}{image}",
        {"status": "200", "content-type": "image/svg+xml*"},
    ),
    Request(
        "E10",
        "a cart, through CloudFront",
        "PUT https://{website}/api/cart",
        {"status": "200", "set-cookie": "session=*; Secure; HttpOnly; *SameSite=Lax"},
        headers={"If-Match": '"0"', "Content-Type": "application/json"},
        body='{"quantities": {"1": 2}}',
    ),
)

LOAD_BALANCER_REFUSES = (
    Request(
        "W1",
        "past CloudFront: without its secret",
        "GET https://{origin}/healthz",
        {"status": "503", "body": "Not in service."},
    ),
    Request(
        "W1",
        "past CloudFront: with a wrong secret",
        "GET https://{origin}/healthz",
        {"status": "503", "body": "Not in service."},
        headers={"X-Origin-Verify": "guessed"},
    ),
)
