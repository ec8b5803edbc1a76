"""XML as the emulated S3 is asked in."""

from __future__ import annotations

from typing import Any
from xml.sax.saxutils import escape


def element(name: str, *inner: str) -> str:
    """Return an element with what is in it, which is XML already."""
    return f"<{name}>{''.join(inner)}</{name}>"


def text(name: str, value: Any) -> str:
    """Return an element with a text, in S3's words; nothing where there is no value."""
    if value is None:
        return ""
    return element(name, escape(str(value).lower() if isinstance(value, bool) else str(value)))


def document(name: str, *inner: str) -> str:
    """Return a whole document of S3's API."""
    return f'<{name} xmlns="http://s3.amazonaws.com/doc/2006-03-01/">{"".join(inner)}</{name}>'
