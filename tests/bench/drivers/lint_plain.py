"""`python -m tests.bench.drivers.lint_plain FOLDER`: troposphere's own templates, then cfn-lint, in one process.

cfn-lint is set as the generator sets it, and run as its command runs it.
"""

import os
import sys
from pathlib import Path

from cfnlint.config import ConfigMixIn
from cfnlint.runner import Runner

from generator.checks import lint
from tests.bench.drivers.generate_plain import generate

files = generate(Path(sys.argv[1]), 1)
config = ConfigMixIn(
    ["--config-file", os.devnull],
    templates=[str(file) for file in files],
    regions=list(lint.REGIONS),
    include_checks=["I"],
    include_experimental=True,
    ignore_checks=sorted(lint.SUPPRESSED),
    configure_rules={rule: dict(settings) for rule, settings in lint.RULE_SETTINGS.items()},
)
found = list(Runner(config).run())
print(*found, sep="\n")
sys.exit(1 if found else 0)
