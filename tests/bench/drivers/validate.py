"""`python -m tests.bench.drivers.validate FOLDER`: cloudformation-validate alone over the templates of a folder.

Of its engines, which find the same, the fastest is taken. It ends with code 1 where a template has an error; what it
calls warnings and hints is no failure here.
"""

import sys
from pathlib import Path

from cloudformation_validate import CelEngine, Severity

engine = CelEngine()
errors = [
    f"{path.name}: {found.rule_id}: {found.message}"
    for path in sorted(Path(sys.argv[1]).glob("*.yaml"))
    for found in engine.validate_template(path).diagnostics
    if found.severity in (Severity.FATAL, Severity.ERROR)
]
print(*errors, sep="\n")
sys.exit(1 if errors else 0)
