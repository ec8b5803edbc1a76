"""Build the release archive: `python application/build_archive.py --output application.tar.gz`.

An image takes its pages from here: `--pages FOLDER` writes them there, and no archive.

The same sources give the same bytes, whoever builds, when and where. The site's assets get a digest of their content
into their names, so that browsers and CloudFront may keep them for ever. Dependencies are downloaded for the web
servers' platform, not for this one; `--without-dependencies` leaves them out where the server brings them.
"""

from __future__ import annotations

import argparse
import gzip
import hashlib
import io
import subprocess
import sys
import tarfile
import tempfile
from pathlib import Path

HERE = Path(__file__).resolve().parent
PROGRAMS = ("start", "migrate")
PACKAGE = "shop"
SOURCES = {".py", ".json"}
PAGES = {".html", ".css", ".js"}
"""Files of the site that may refer to an asset."""
SERVERS = ("--python-version", "3.11", "--implementation", "cp", "--abi", "cp311", "--abi", "abi3", "--abi", "none")
SERVERS_GLIBC = ("manylinux_2_34", "manylinux_2_28", "manylinux_2_17", "manylinux2014")
"""Amazon Linux 2023 has glibc 2.34, and runs what was built for an older one.
https://docs.aws.amazon.com/linux/al2023/ug/core-glibc.html"""


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else None)
    what = parser.add_mutually_exclusive_group(required=True)
    what.add_argument("--output", type=Path, metavar="FILE", help="the archive to write")
    what.add_argument("--pages", type=Path, metavar="FOLDER", help="where to write the pages, and nothing else")
    parser.add_argument("--without-dependencies", action="store_true", help="leave out lib/")
    arguments = parser.parse_args()
    if arguments.pages:
        write(site(HERE / "site"), arguments.pages)
        return
    content = files()
    if not arguments.without_dependencies:
        content |= dependencies()
    arguments.output.parent.mkdir(parents=True, exist_ok=True)
    part = arguments.output.with_name(f".{arguments.output.name}.part")
    part.write_bytes(archive(content))
    part.replace(arguments.output)
    print(f"{arguments.output}: {len(content)} files")


def files() -> dict[str, bytes]:
    """Return what we have written ourselves, by its path in the archive."""
    package = (path for path in (HERE / PACKAGE).rglob("*") if path.suffix in SOURCES)
    own = {path.relative_to(HERE).as_posix(): path.read_bytes() for path in package}
    programs = {name: (HERE / name).read_bytes() for name in PROGRAMS}
    return own | programs | {f"public/{name}": content for name, content in site(HERE / "site").items()}


def site(folder: Path) -> dict[str, bytes]:
    """Return the files of the site by path, with digests in the names of assets and wherever these are referred to."""
    found = {path.relative_to(folder).as_posix(): path.read_bytes() for path in folder.rglob("*") if path.is_file()}
    names = {name: _with_digest(name, content) for name, content in found.items() if name.startswith("assets/")}
    for name, content in found.items():
        if name in names and any(other.encode() in content for other in names):
            raise SystemExit(
                f"site/{name} refers to an asset: only pages may, so that a digest covers its whole content."
            )
    return {
        names.get(name, name): _rewritten(content, names) if Path(name).suffix in PAGES else content
        for name, content in found.items()
    }


def _with_digest(name: str, content: bytes) -> str:
    path = Path(name)
    return path.with_suffix(f".{hashlib.sha256(content).hexdigest()[:16]}{path.suffix}").as_posix()


def _rewritten(content: bytes, names: dict[str, str]) -> bytes:
    for name, with_digest in names.items():
        content = content.replace(f"/{name}".encode(), f"/{with_digest}".encode())
    return content


def dependencies() -> dict[str, bytes]:
    """Return the locked packages for the web servers, by their path in the archive."""
    platforms = [word for each in SERVERS_GLIBC for word in ("--platform", f"{each}_x86_64")]
    install = [sys.executable, "-m", "pip", "install", "--quiet", "--disable-pip-version-check", "--no-compile"]
    pinned = [
        "--require-hashes",
        "--no-deps",
        "--only-binary",
        ":all:",
        "--requirement",
        str(HERE / "requirements.lock"),
    ]
    with tempfile.TemporaryDirectory(prefix="dependencies-") as folder:
        command = [*install, *pinned, *SERVERS, *platforms, "--target", folder]
        if subprocess.run(command, check=False).returncode != 0:
            raise SystemExit("pip could not download the dependencies; its complaint stands above.")
        found = {path.relative_to(folder): path for path in Path(folder).rglob("*") if path.is_file()}
        # Scripts name the interpreter of whoever built; nobody needs them.
        return {f"lib/{name.as_posix()}": path.read_bytes() for name, path in found.items() if name.parts[0] != "bin"}


def write(content: dict[str, bytes], folder: Path) -> None:
    for name, each in content.items():
        file = folder / name
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_bytes(each)


def archive(content: dict[str, bytes]) -> bytes:
    """Return a tar.gz whose bytes depend on names and contents alone."""
    packed = io.BytesIO()
    with (
        gzip.GzipFile(fileobj=packed, mode="wb", filename="", mtime=0) as compressed,
        tarfile.open(fileobj=compressed, mode="w", format=tarfile.PAX_FORMAT) as tar,
    ):
        for name in sorted(content):
            member = tarfile.TarInfo(name)
            member.size = len(content[name])
            member.mode = 0o755 if name in PROGRAMS else 0o644
            member.mtime = _time_of(content[name])
            tar.addfile(member, io.BytesIO(content[name]))
    return packed.getvalue()


def _time_of(content: bytes) -> int:
    """Return a time that stands for a content, in seconds. nginx tells a page's versions apart by time and size alone.

    https://nginx.org/en/docs/http/ngx_http_core_module.html#etag
    """
    return int(hashlib.sha256(content).hexdigest()[:7], 16)


if __name__ == "__main__":
    main()
