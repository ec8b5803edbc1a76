"""Pictures of the products, drawn: a silhouette on a coloured ground."""

from __future__ import annotations

from html import escape
from typing import Any

PICTURE = """\
<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 400 360" role="img" aria-label="{name}">
  <defs>
    <linearGradient id="glaze" x1="0" x2="1" y1="0" y2="1">
      <stop offset="0" stop-color="#fff" stop-opacity=".38"/>
      <stop offset=".55" stop-color="#fff" stop-opacity="0"/>
      <stop offset="1" stop-color="#000" stop-opacity=".22"/>
    </linearGradient>
  </defs>
  <rect width="400" height="360" fill="{ground}"/>
  <circle cx="315" cy="85" r="48" fill="#fff" opacity=".45"/>
  <ellipse cx="200" cy="294" rx="122" ry="15" fill="{body}" opacity=".2"/>
  <path d="{shape}" fill="{body}"/>
  <path d="{shape}" fill="url(#glaze)"/>
</svg>
"""


def picture(product: dict[str, Any]) -> str:
    """Return the picture of a product of products.json as SVG."""
    ground, body = product["colours"]
    return PICTURE.format(name=escape(product["name"]), ground=ground, body=body, shape=product["shape"])
