"""What the platform is built with: each dependency locked by digest, no secret in the sources, a bill of materials.

Lock files name no registry: whoever installs decides where packages come from, and the digests decide what they are.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

from generator import __version__
from generator.bill_of_materials import bill_of_materials
from generator.checks.supply_chain_secrets import BASELINE, new_and_gone
from generator.checks.verdict import Verdict
from generator.errors import UserError
from generator.lock_files import read_lock
from generator.source_files import source_files

PROOF = "supply chain"
REQUIREMENTS = ("D10", "D17")

LOCK = Path("requirements.lock")
"""The lock file of the environment that makes releases."""

PYTHON_LOCK = ".lock"
NPM_LOCK = "package-lock.json"


def prove(root: Path) -> list[Verdict]:
    """Return a verdict each on lock files, secrets, and the bill of materials, of the sources in a folder.

    Raises `UserError` where the sources cannot be listed or the secrets' baseline cannot be read.
    """
    files = [path.relative_to(root) for path in source_files(root)]
    return [locks(root, files), secrets(root, files), bill(root)]


def locks(root: Path, files: list[Path]) -> Verdict:
    """Return whether every lock file among the files pins all that it names by digest, and names no registry."""
    packages, objections, seen = 0, [], 0
    for file in files:
        read = _reader(file)
        if read is None:
            continue
        seen += 1
        try:
            packages += read(root / file)
        except UserError as error:
            objections.append(str(error))
    if not any(file == LOCK for file in files):
        objections.append(f"{LOCK}: is missing; run make lock")
    evidence = f"{packages} packages in {seen} lock files"
    claim = "Every dependency is locked by digest, and no lock file names a registry"
    return Verdict(PROOF, claim, REQUIREMENTS, evidence, tuple(objections))


def secrets(root: Path, files: list[Path]) -> Verdict:
    """Return whether the files hold no secret but what the baseline says is none."""
    new, gone, known = new_and_gone(root, files)
    objections = (
        *(f"{each}: if it is a secret, revoke it; if not, add it to {BASELINE}" for each in new),
        *(f"{each}: is in {BASELINE}, but not in the sources; remove it there" for each in gone),
    )
    evidence = f"{len(files)} files, {known} known places that are no secrets"
    return Verdict(PROOF, "No source holds a secret", REQUIREMENTS, evidence, objections)


def bill(root: Path) -> Verdict:
    """Return whether the release's bill of materials names every locked package with its digests."""
    claim = "The bill of materials names every package that makes a release, with its digests"
    try:
        locked = {(each.name, each.version): set(each.hashes) for each in read_lock(root / LOCK)}
        components = json.loads(bill_of_materials(root / LOCK, __version__))["components"]
    except UserError as error:
        return Verdict(PROOF, claim, REQUIREMENTS, "0 packages", (str(error),))
    named = {(each["name"], each["version"]): set(_digests(each)) for each in components}
    missing = [f"{name} {version}: not in the bill, or not whole" for (name, version) in locked.keys() - named.keys()]
    different = [f"{name} {version}: has other digests" for name, version in locked.keys() & named.keys()
                 if locked[name, version] != named[name, version]]  # fmt: skip
    return Verdict(PROOF, claim, REQUIREMENTS, f"{len(named)} packages", tuple(sorted(missing + different)))


def _reader(file: Path) -> Callable[[Path], int] | None:
    if file.suffix == PYTHON_LOCK:
        return lambda path: len(read_lock(path))
    return _npm_packages if file.name == NPM_LOCK else None


def _npm_packages(path: Path) -> int:
    """Return how many packages an npm lock file pins. Raises `UserError`.

    A bundled package has no digest of its own: it lies inside the file of the one that bundles it.
    https://docs.npmjs.com/cli/v11/configuring-npm/package-lock-json
    """
    try:
        packages: dict[str, dict[str, Any]] = json.loads(path.read_text(encoding="utf-8"))["packages"]
    except (OSError, ValueError, KeyError) as error:
        raise UserError(f"{path}: is no npm lock file; run make lock") from error
    pinned = {name: package for name, package in packages.items() if name and not package.get("inBundle")}
    for name, package in pinned.items():
        if not str(package.get("integrity", "")).startswith("sha512-"):
            raise UserError(f"{path}: {name}: has no sha512 integrity; run make lock")
        if "resolved" in package:
            raise UserError(f"{path}: {name}: names {package['resolved']}; run make lock, which leaves addresses out")
    if not pinned:
        raise UserError(f"{path}: names no package; run make lock")
    return len(pinned)


def _digests(component: dict[str, Any]) -> Iterator[str]:
    for reference in component["externalReferences"]:
        for digest in reference["hashes"]:
            yield f"{digest['alg'].replace('-', '').lower()}:{digest['content']}"
