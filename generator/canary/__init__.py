"""What the canary runs: a program of the standard library alone, kept as a file so that tools and tests can run it."""

from __future__ import annotations

from importlib.resources import files

HANDLER = "index.handler"
"""Where CloudWatch Synthetics finds a script that a template carries: the file is called `index`.
https://docs.aws.amazon.com/AWSCloudFormation/latest/TemplateReference/aws-properties-synthetics-canary-code.html"""


def visit_script() -> str:
    """Return the source of a visit, for the template."""
    return files(__package__).joinpath("visit.py").read_text(encoding="utf-8")
