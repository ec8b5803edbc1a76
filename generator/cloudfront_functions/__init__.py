"""What CloudFront runs for each request: small programs in JavaScript, kept as files so that tools and tests can run
them.
"""

from __future__ import annotations

import json
from collections.abc import Sequence
from importlib.resources import files

MAXIMUM_BYTES = 10_240
"""Of a function's code. https://docs.aws.amazon.com/AmazonCloudFront/latest/DeveloperGuide/cloudfront-limits.html"""


def page_routes(application_paths: Sequence[str]) -> str:
    """Return the code of the function that finds the page for a path.

    `application_paths` are CloudFront's path patterns of what is no page: exact ones, or such that end in `*`.
    """
    code = files(__package__).joinpath("page_routes.js").read_text(encoding="utf-8")
    return f"const APPLICATION_PATHS = {json.dumps(list(application_paths))};\n{code}"
