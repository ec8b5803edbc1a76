"""Lock files, secrets and the bill of materials: what is pinned, what must not be there, and what is named."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from generator.bill_of_materials import bill_of_materials
from generator.checks import supply_chain
from generator.checks.supply_chain_secrets import BASELINE, new_and_gone
from generator.errors import UserError
from generator.lock_files import LockedPackage, read_lock

ROOT = Path(__file__).parents[2]
ELSEWHERE = "https://" + "example.com"
DIGEST = "sha256:" + "0a" * 32
SOUND = f"""# made by uv
boto3==1.43.106 \\
    --hash={DIGEST}
colorama==0.4.6 ; sys_platform == 'win32' \\
    --hash={DIGEST}
"""
KEY = "AKIA" + "QWERTYUIOPASDFGH"
"""Looks like an access key's id; written in two parts, so that this file does not."""


def lock(folder: Path, text: str) -> Path:
    path = folder / "requirements.lock"
    path.write_text(text)
    return path


def npm_lock(folder: Path, **changed: Any) -> Path:
    package = {"version": "1.0.0", "integrity": "sha512-x", **changed}
    bundled = {"version": "1.0.0", "inBundle": True}
    packages = {"": {"name": "us"}, "node_modules/a": package, "node_modules/a/node_modules/b": bundled}
    (folder / "package-lock.json").write_text(json.dumps({"packages": packages}))
    return Path("package-lock.json")


def sources(folder: Path, text: str, *known: dict[str, Any]) -> list[Path]:
    """Write one source file and a baseline with the settings of our own; return the files."""
    own = json.loads((ROOT / BASELINE).read_text(encoding="utf-8"))
    results = {"settings.py": list(known)} if known else {}
    (folder / BASELINE).write_text(json.dumps({**own, "results": results}))
    (folder / "settings.py").write_text(text)
    return [Path("settings.py"), Path(BASELINE)]


def test_a_lock_file_is_read_whole(tmp_path: Path) -> None:
    assert read_lock(lock(tmp_path, SOUND)) == [
        LockedPackage("boto3", "1.43.106", "", (DIGEST,)),
        LockedPackage("colorama", "0.4.6", "sys_platform == 'win32'", (DIGEST,)),
    ]


@pytest.mark.parametrize(
    "line",
    [
        "boto3==1.43.106",
        f"boto3>=1.43 --hash={DIGEST}",
        "boto3==1.43.106 --hash=md5:0a0a",
        f"boto3==1.43.106 --hash={DIGEST} --hash=sha1:0a",
        f"-i {ELSEWHERE}",
        f"boto3 @ {ELSEWHERE}/boto3.whl --hash={DIGEST}",
        "-r other.lock",
    ],
)
def test_d17_what_is_not_pinned_by_digest_is_refused(tmp_path: Path, line: str) -> None:
    lock(tmp_path, SOUND + line + "\n")
    verdict = supply_chain.locks(tmp_path, [Path("requirements.lock")])
    assert not verdict.holds
    assert "must be a package with ==version and its sha256 hashes" in verdict.counterexamples[0]


@pytest.mark.parametrize("text", ["", "# nothing\n"])
def test_an_empty_lock_file_is_refused(tmp_path: Path, text: str) -> None:
    with pytest.raises(UserError, match="names no package; run make lock"):
        read_lock(lock(tmp_path, text))


@pytest.mark.parametrize(
    ("changed", "complaint"),
    [
        ({"integrity": ""}, "node_modules/a: has no sha512 integrity"),
        ({"integrity": "sha1-x"}, "node_modules/a: has no sha512 integrity"),
        ({"resolved": f"{ELSEWHERE}/a.tgz"}, f"names {ELSEWHERE}/a.tgz"),
    ],
)
def test_d17_npm_packages_are_pinned_by_digest_and_name_no_registry(
    tmp_path: Path, changed: dict[str, Any], complaint: str
) -> None:
    lock(tmp_path, SOUND)
    verdict = supply_chain.locks(tmp_path, [Path("requirements.lock"), npm_lock(tmp_path, **changed)])
    assert complaint in verdict.counterexamples[0]


def test_sound_lock_files_are_counted(tmp_path: Path) -> None:
    lock(tmp_path, SOUND)
    verdict = supply_chain.locks(tmp_path, [Path("requirements.lock"), npm_lock(tmp_path), Path("README.md")])
    assert verdict.holds
    assert verdict.evidence == "3 packages in 2 lock files"


def test_sources_without_the_lock_file_fail(tmp_path: Path) -> None:
    assert not supply_chain.locks(tmp_path, []).holds


def test_our_own_lock_files_are_sound() -> None:
    folders = ("application", "generator", "tests")
    files = [path.relative_to(ROOT) for folder in folders for path in (ROOT / folder).rglob("*.lock")]
    npm = Path("generator/checks/tools/package-lock.json")
    verdict = supply_chain.locks(ROOT, [Path("requirements.lock"), npm, *files])
    assert verdict.counterexamples == ()
    assert verdict.evidence.endswith("in 13 lock files")


def test_d10_a_new_secret_is_found_and_named(tmp_path: Path) -> None:
    files = sources(tmp_path, f"access_key = '{KEY}'\n")
    verdict = supply_chain.secrets(tmp_path, files)
    assert any(each.startswith("settings.py: AWS Access Key") for each in verdict.counterexamples)
    assert KEY not in str(verdict)


def test_a_place_that_somebody_has_looked_at_is_accepted_wherever_it_moves(tmp_path: Path) -> None:
    files = sources(tmp_path, f"access_key = '{KEY}'\n")
    entries = [
        {"type": kind, "hashed_secret": digest, "is_secret": False, "line_number": 999}
        for kind, digest in _places(tmp_path, files)
    ]
    assert new_and_gone(tmp_path, sources(tmp_path, f"\n\naccess_key = '{KEY}'\n", *entries))[:2] == ([], [])
    for entry in entries:
        del entry["is_secret"]
    unseen, gone, _ = new_and_gone(tmp_path, sources(tmp_path, f"access_key = '{KEY}'\n", *entries))
    assert len(unseen) == len(entries)
    assert gone == []


def test_an_entry_of_the_baseline_for_nothing_is_a_failure(tmp_path: Path) -> None:
    entry = {"type": "AWS Access Key", "hashed_secret": "0a" * 20, "is_secret": False}
    verdict = supply_chain.secrets(tmp_path, sources(tmp_path, "nothing = 1\n", entry))
    assert verdict.counterexamples == (
        f"settings.py: AWS Access Key (0a0a0a0a…): is in {BASELINE}, but not in the sources; remove it there",
    )


@pytest.mark.parametrize("content", [None, "[]", "{}", "{", '{"results": [], "plugins_used": []}'])
def test_a_baseline_that_cannot_be_read_is_an_error(tmp_path: Path, content: str | None) -> None:
    if content is not None:
        (tmp_path / BASELINE).write_text(content)
    with pytest.raises(UserError, match="cannot be read as detect-secrets' baseline"):
        new_and_gone(tmp_path, [])


def test_the_bill_of_materials_is_the_same_bytes_everywhere(tmp_path: Path) -> None:
    first = bill_of_materials(lock(tmp_path, SOUND), "1.2.0")
    assert bill_of_materials(lock(tmp_path, SOUND), "1.2.0") == first
    assert bill_of_materials(lock(tmp_path, SOUND), "1.3.0") != first
    assert "timestamp" not in first
    assert str(tmp_path) not in first


def test_the_bill_of_materials_names_package_version_digest_and_marker(tmp_path: Path) -> None:
    bill = json.loads(bill_of_materials(lock(tmp_path, SOUND), "1.2.0"))
    assert (bill["bomFormat"], bill["specVersion"]) == ("CycloneDX", "1.6")
    boto3, colorama = bill["components"]
    assert boto3["purl"] == "pkg:pypi/boto3@1.43.106"
    assert boto3["externalReferences"][0]["hashes"] == [{"alg": "SHA-256", "content": "0a" * 32}]
    assert colorama["properties"] == [{"name": "environment marker", "value": "sys_platform == 'win32'"}]
    assert bill["metadata"]["component"]["version"] == "1.2.0"


def test_a_bill_of_materials_that_leaves_something_out_is_a_failure(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    lock(tmp_path, SOUND)
    assert supply_chain.bill(tmp_path).holds
    whole = json.loads(bill_of_materials(tmp_path / "requirements.lock", "1"))
    whole["components"].pop()
    whole["components"][0]["externalReferences"][0]["hashes"] = []
    monkeypatch.setattr(supply_chain, "bill_of_materials", lambda *_: json.dumps(whole))
    assert supply_chain.bill(tmp_path).counterexamples == (
        "boto3 1.43.106: has other digests",
        "colorama 0.4.6: not in the bill, or not whole",
    )


def _places(folder: Path, files: list[Path]) -> list[tuple[str, str]]:
    """Return type and digest of what detect-secrets finds, as its own command line would write it to a baseline."""
    from detect_secrets.core.secrets_collection import SecretsCollection
    from detect_secrets.settings import default_settings

    found = SecretsCollection(root=str(folder))
    with default_settings(), pytest.MonkeyPatch.context() as patch:
        patch.chdir(folder)
        found.scan_files(*(str(file) for file in files if file != Path(BASELINE)))
    return [(secret.type, secret.secret_hash) for _, secret in found]
