"""From GitHub's Markdown to that of the site's generators: where they see a list differently.

GitHub takes what stands below an item's first letter as a part of the item, and lets a list follow a paragraph at once.
Python-Markdown wants four columns for each level, and an empty line before a list.
https://python-markdown.github.io/#differences
"""

from __future__ import annotations

import re

ITEM = re.compile(r"^(?P<indent> *)(?P<marker>[-*+]|\d{1,9}[.)])(?P<space> +)(?=\S)")
FENCE = re.compile(r"^ *(?P<fence>```+|~~~+)")
LEVEL = 4
CODE_INDENT = 4
"""From this indentation on, a line after an empty one is code, not a list."""


def for_python_markdown(text: str) -> str:
    """Return a page with the lists that GitHub sees, said so that Python-Markdown sees them too."""
    out: list[str] = []
    columns: list[int] = []  # where the content of each open item begins
    fence, after_text = "", False
    for line in text.splitlines(keepends=True):
        if not line.strip():
            out.append(line)
            after_text = False
            continue
        indent = len(line) - len(line.lstrip(" "))
        if not fence:
            while columns and indent < columns[-1] and (not after_text or ITEM.match(line)):
                columns.pop()
        base = columns[-1] if columns else 0
        found = None if fence else ITEM.match(line)
        if found and indent - base < CODE_INDENT:
            if after_text and not columns and not _is_item(out[-1]):
                out.append("\n")
            out.append(f"{' ' * LEVEL * len(columns)}{line[indent:]}")
            columns.append(found.end())
        else:
            out.append(f"{' ' * (LEVEL * len(columns) + max(indent - base, 0))}{line[indent:]}")
        fence = _fence_after(fence, line)
        after_text = not fence
    return "".join(out)


def _is_item(line: str) -> bool:
    return ITEM.match(line) is not None


def _fence_after(fence: str, line: str) -> str:
    """Return the fence that is open after a line; empty for none."""
    found = FENCE.match(line)
    if not found:
        return fence
    if not fence:
        return found["fence"]
    closes = found["fence"].startswith(fence) and not line.strip().strip(fence[0])
    return "" if closes else fence
