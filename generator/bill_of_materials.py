"""The bill of materials of a release: every package that is installed beside the generator where it is made (D17).

A CycloneDX document, derived from the lock file and not from an environment, so that it has the same bytes on every
machine: no time of writing, and a serial number that follows from the content.
https://cyclonedx.org/docs/1.6/json/
"""

from __future__ import annotations

from collections.abc import Sequence
from functools import lru_cache
from pathlib import Path
from uuid import NAMESPACE_URL, uuid5

from cyclonedx.model import ExternalReference, ExternalReferenceType, HashAlgorithm, HashType, Property, XsUri
from cyclonedx.model.bom import Bom
from cyclonedx.model.component import Component, ComponentType
from cyclonedx.output.json import JsonV1Dot6
from packageurl import PackageURL

from generator.lock_files import LockedPackage, read_lock
from generator.naming import PROJECT

FILE = "sbom.cdx.json"
"""The name that CycloneDX recommends begins as one likes and ends in `.cdx.json`.
https://cyclonedx.org/specification/overview/#recognized-file-patterns"""

INDEX = "https://pypi.org/simple"


def bill_of_materials(lock: Path, version: str) -> str:
    """Return the bill of materials of a version of the platform. Raises `UserError` for an unsound lock file."""
    return _bill(tuple(read_lock(lock)), lock.read_text(encoding="utf-8"), version)


@lru_cache(maxsize=4)
def _bill(packages: Sequence[LockedPackage], lock: str, version: str) -> str:
    components = [_component(package) for package in packages]
    platform = Component(name=PROJECT, version=version, type=ComponentType.APPLICATION, bom_ref=f"{PROJECT}-{version}")
    bill = Bom(components=components)
    bill.metadata.component = platform
    bill.metadata.timestamp = None  # type: ignore[assignment]  # which leaves it out
    bill.serial_number = uuid5(NAMESPACE_URL, f"{PROJECT} {version} {lock}")
    bill.register_dependency(platform, components)
    return str(JsonV1Dot6(bill).output_as_string(indent=2)) + "\n"


def _component(package: LockedPackage) -> Component:
    files = ExternalReference(
        type=ExternalReferenceType.DISTRIBUTION,
        url=XsUri(f"{INDEX}/{package.name}/"),
        comment="the files that may be installed, by their digests",
        hashes=[HashType(alg=HashAlgorithm.SHA_256, content=each.removeprefix("sha256:")) for each in package.hashes],
    )
    purl = PackageURL("pypi", name=package.name, version=package.version)
    return Component(
        name=package.name,
        version=package.version,
        purl=purl,
        bom_ref=purl.to_string(),
        external_references=[files],
        properties=[Property(name="environment marker", value=package.marker)] if package.marker else [],
    )
