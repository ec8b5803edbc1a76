"""A folder in which user data runs for real, as far as a system that is no Amazon Linux allows.

All paths of the scripts lie below their variable ROOT. What only a server has (packages, mounts, systemd, AWS) is a
stand-in on PATH that writes down how it was called; a test gives it something to do. bash, tar, openssl, the file
system and nginx's check of its configuration are real.
"""

from __future__ import annotations

import getpass
import io
import os
import subprocess
import tarfile
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path

from generator.rehearsal.programs import program
from generator.user_data import SHEBANG, WEB_SERVER, joined

SETTINGS: Mapping[str, str] = {
    "ENVIRONMENT_NAME": "dev",
    "REGION": "eu-west-1",
    "STACK_NAME": "web-platform-dev-WebTier-1ABC",
    "FLEET": "WebServerGroup",
    "TARGET_PROTOCOL": "HTTPS",
    "FILE_SYSTEM_ID": "fs-0123456789abcdef0",
    "ACCESS_POINT_ID": "fsap-0123456789abcdef0",
    "RELEASE_BUCKET": "releases",
    "ARCHIVE_KEY": "shop/1.4.2.tar.gz",
    "SESSION_TABLE": "web-platform-dev-Storage-SessionTable-1ABC",
    "PARAMETER_PATH": "/web-platform/dev",
    "VPC_CIDR": "10.10.0.0/16",
    "TARGET_GROUP_ARN": "arn:aws:elasticloadbalancing:eu-west-1:111111111111:targetgroup/web/0123456789abcdef",
    "LOG_GROUP": "web-servers",
    "METRIC_NAMESPACE": "web-platform",
    "TRACE_SHARE": "0.1",
}
"""What the web tier's template hands over."""

BASTION_SETTINGS: Mapping[str, str] = {"ACCESS_MODE": "ssm", "REGION": "eu-west-1", "LOG_GROUP": "access"}
"""What the access template hands over."""

FOLDERS = (
    "etc/logrotate.d",
    "etc/nginx",
    "etc/profile.d",
    "etc/ssh/sshd_config.d",
    "opt/aws/amazon-cloudwatch-agent/etc",
    "run",
    "var/lib/nginx/tmp",
    "var/log",
)
"""What the image or a package brings."""

STAND_INS: Mapping[str, str] = {
    "dnf": "",
    "mount": 'touch "$ROOT/mounted"',
    "mountpoint": '[[ -e "$ROOT/mounted" ]]',
    "sshd": "",
    "systemctl": "",
    "systemd-sysusers": "",
    "cloud-init": "echo i-0123456789abcdef0",
    "sleep": "",
    "curl": '[[ "$*" != *truststore* ]] || echo certificates >"$5"',
    "aws": '[[ "$1" == elbv2 ]] && echo healthy || cp "$ROOT/bucket/${6#s3://releases/}" "$7"',
    "opt/aws/bin/cfn-signal": "",
    "opt/aws/amazon-cloudwatch-agent/bin/amazon-cloudwatch-agent-ctl": "",
}
"""What a stand-in does besides writing down how it was called; by name, or by path below the root."""

APPLICATION: Mapping[str, str] = {
    "public/index.html": "<!doctype html><title>Shop</title>",
    "public/404.html": "<!doctype html><title>Not here</title>",
    "start": "#!/bin/sh\n",
    "migrate": "#!/bin/sh\n",
}
"""The smallest archive that has everything."""


def archive(files: Mapping[str, str] = APPLICATION) -> bytes:
    """Return a tar.gz in which nobody but its owner may read the files: what is unpacked must be readable anyway."""
    packed = io.BytesIO()
    with tarfile.open(fileobj=packed, mode="w:gz") as tar:
        for name, text in files.items():
            entry = tarfile.TarInfo(name)
            entry.size = len(text.encode())
            entry.mode = 0o700 if text.startswith("#!") else 0o600
            tar.addfile(entry, io.BytesIO(text.encode()))
    return packed.getvalue()


class ScratchServer:
    """A root folder with stand-ins, and a bucket with archives, for one kind of server."""

    def __init__(
        self, folder: Path, scripts: Sequence[str] = WEB_SERVER, settings: Mapping[str, str] = SETTINGS
    ) -> None:
        self._scripts = scripts
        self._settings = settings
        self.root = folder / "root"
        self._programs = folder / "bin"
        self._calls = folder / "calls"
        self._programs.mkdir()
        for name in FOLDERS:
            (self.root / name).mkdir(parents=True)
        (self.root / "etc/fstab").write_text("# nothing yet\n", encoding="utf-8")
        for name, script in STAND_INS.items():
            self.stand_in(name, script)
        # The rest of the prefix is where the program would look for what the configuration does not name.
        self.stand_in("nginx", f'exec {program("nginx")} -p "$ROOT/run" -e stderr -c "$ROOT/etc/nginx/nginx.conf" "$@"')
        self.publish(SETTINGS["ARCHIVE_KEY"], archive())

    def stand_in(self, name: str, script: str) -> None:
        """Let a program do something else."""
        path = self.root / name if "/" in name else self._programs / name
        path.parent.mkdir(parents=True, exist_ok=True)
        noted = f'echo "{Path(name).name} $*" >>{self._calls}'
        path.write_text(f"{SHEBANG}{noted}\n{script}\n", encoding="utf-8")
        path.chmod(0o755)

    def publish(self, key: str, content: bytes) -> None:
        """Put an archive into the bucket."""
        path = self.root / "bucket" / key
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(content)

    def run(self, **changed: str) -> subprocess.CompletedProcess[str]:
        """Run the user data with these settings; afterwards `calls` has what it called."""
        self._calls.write_text("", encoding="utf-8")
        script = user_data_text(self._scripts, {**self._settings, **changed})
        # Workers of an nginx that root starts would else become a user whom this system does not have.
        script = script.replace("NGINX_USER=nginx", f"NGINX_USER={getpass.getuser()}")
        path = f"{self._programs}:{os.environ['PATH']}"
        return subprocess.run(
            ["bash", "-c", script],
            env={"PATH": path, "ROOT": str(self.root), "HOME": str(self.root)},
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            check=False,
        )

    @property
    def calls(self) -> list[str]:
        """How the stand-ins were called, in order, without the root before paths."""
        return self._calls.read_text(encoding="utf-8").replace(str(self.root), "").splitlines()

    def calls_of(self, *programs: str) -> list[str]:
        return [call for call in self.calls if call.split()[0] in programs]

    def text(self, path: str) -> str:
        """Return a file as it would be on a server, without the root before paths."""
        return (self.root / path).read_text(encoding="utf-8").replace(str(self.root), "")

    def files(self, *, besides: Iterable[str] = ()) -> dict[str, str]:
        """Return every file and link the script has made, by path, with its content."""
        return {
            str(path.relative_to(self.root)): str(path.readlink())
            if path.is_symlink()
            else path.read_bytes().decode(errors="replace")
            for path in sorted(self.root.rglob("*"))
            if (path.is_symlink() or path.is_file()) and not str(path.relative_to(self.root)).startswith(tuple(besides))
        }


def user_data_text(scripts: Sequence[str], settings: Mapping[str, str]) -> str:
    """Return the user data that CloudFormation would hand to EC2."""
    header = "".join(f"readonly {name}='{value}'\n" for name, value in settings.items())
    return f"{SHEBANG}{header}\n{joined(scripts)}"
