"""`python -m tests.bench.drivers.validate FOLDER`: cloudformation-validate alone over the templates of a folder.

Called as well as it can be: of its engines, which find the same, the fastest; one engine for all templates, in as many
threads as there are cores, because it lets go of Python's lock; the largest template first; and no words about what is
no failure here. It ends with code 1 where a template has an error.
"""

import os
import sys
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

from cloudformation_validate import CelEngine, DetailLevel, Severity, ValidateConfig

engine = CelEngine()
config = ValidateConfig(detail_level=DetailLevel.STANDARD, severity_level=Severity.ERROR)


def errors(path: Path) -> list[str]:
    """Return what fails a template."""
    report = engine.validate_template(path, config)
    return [f"{path.name}: {found.rule_id}: {found.message}" for found in report.diagnostics]


files = sorted(Path(sys.argv[1]).glob("*.yaml"), key=lambda path: path.stat().st_size, reverse=True)
with ThreadPoolExecutor(os.cpu_count()) as threads:
    found = [error for each in threads.map(errors, files) for error in each]
print(*found, sep="\n")
sys.exit(1 if found else 0)
