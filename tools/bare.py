"""Run the project in a minimal Debian 13 with only Python 3.13, make and git (`make test-bare`).

The system has no Java, Node, compiler or Docker. debootstrap creates the system in a folder below `build`. The program clones the project
into the system, and runs each target through chroot, with separate `/proc`, pseudo-terminals and shared memory. The program needs
root for the mounts and for chroot. Each run creates the folder anew, and removes the folder at the end unless `--keep` is given.

The new system uses this machine's resolver, certificate authorities, and variables of pip and proxies, because some machines reach
package registries only with these settings.
"""

from __future__ import annotations

import argparse
import os
import shutil
import subprocess
import sys
import time
from pathlib import Path

from tools.debian import install, may_install

ROOT = Path(__file__).parents[1]
FOLDER = ROOT / "build" / "bare"
PACKAGES = ("python3", "python3-venv", "make", "git", "ca-certificates")
CERTIFICATES_PATH = Path("etc/ssl/certs/ca-certificates.crt")
NETWORK_FILES = ("/etc/resolv.conf", "/etc/hosts", f"/{CERTIFICATES_PATH}")
NETWORK_VARIABLES = (
    "PIP_CERT",
    "PIP_DEFAULT_TIMEOUT",
    "PIP_INDEX_URL",
    "SSL_CERT_FILE",
    "SSL_CERT_DIR",
    "UV_DEFAULT_INDEX",
)
PROXY_VARIABLES = ("http_proxy", "https_proxy", "no_proxy")
# A shell script with two arguments: the folder of the system, and the command to run. The mounts belong to the namespace of the
# command, so the kernel removes them when the command ends, even after a crash.
MOUNT_AND_RUN_SCRIPT = """
set -e
mount -t proc proc "$1/proc"
mount -t devpts -o newinstance,ptmxmode=0666,mode=0620 devpts "$1/dev/pts"
ln -sf pts/ptmx "$1/dev/ptmx"
mkdir -p "$1/dev/shm"
mount -t tmpfs tmpfs "$1/dev/shm"
exec chroot "$1" /bin/sh -c "cd /root/project && exec $2"
"""


def bootstrap(folder: Path, suite: str) -> None:
    """Create a minimal Debian in a new folder, and clone the committed state of the project into it."""
    if folder.exists():
        shutil.rmtree(folder)
    folder.mkdir(parents=True)
    include = f"--include={','.join(PACKAGES)}"
    subprocess.run(["debootstrap", "--variant=minbase", include, suite, str(folder)], check=True)
    for path in NETWORK_FILES:
        if Path(path).is_file():
            shutil.copyfile(path, folder / path.lstrip("/"))
    subprocess.run(["git", "clone", "--quiet", str(ROOT), str(folder / "root" / "project")], check=True)


def environment() -> dict[str, str]:
    """Return the environment variables of the commands in the new system, including this machine's network variables."""
    network_names = [*NETWORK_VARIABLES, *PROXY_VARIABLES, *(name.upper() for name in PROXY_VARIABLES)]
    minimal = {"HOME": "/root", "PATH": "/usr/sbin:/usr/bin:/sbin:/bin", "LANG": "C.UTF-8", "CI": "true"}
    return minimal | {name: os.environ[name] for name in network_names if name in os.environ}


def run_inside(folder: Path, command: str) -> int:
    """Run a command in the project's folder of the new system, and return its exit code."""
    arguments = [
        "unshare",
        "--mount",
        "--propagation",
        "private",
        "sh",
        "-c",
        MOUNT_AND_RUN_SCRIPT,
        "bare",
        str(folder),
        command,
    ]
    return subprocess.run(arguments, env=environment(), check=False).returncode


def main() -> int:
    """Create the system, run each target in it, and print the duration of each target."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("targets", nargs="*", default=["demo", "test"], help="targets of the Makefile")
    parser.add_argument("--suite", default="trixie", help="the release of Debian")
    parser.add_argument("--keep", action="store_true", help="keep the folder")
    options = parser.parse_args()
    if os.geteuid() != 0:
        print("make test-bare needs root: it mounts file systems and uses chroot.", file=sys.stderr)
        return 1
    if shutil.which("debootstrap") is None:
        if not may_install():
            print("make test-bare needs debootstrap, a package of Debian and Ubuntu.", file=sys.stderr)
            return 1
        install(["debootstrap"])
    started_at = time.monotonic()
    bootstrap(FOLDER, options.suite)
    duration_texts = [f"system and clone {time.monotonic() - started_at:.0f} s"]
    exit_code = 0
    for target in options.targets:
        started_at = time.monotonic()
        exit_code = run_inside(FOLDER, f"make {target}")
        duration_texts.append(f"make {target} {time.monotonic() - started_at:.0f} s (exit code {exit_code})")
        if exit_code:
            break
    if not options.keep:
        shutil.rmtree(FOLDER)
    print(f"Debian {options.suite}: {'; '.join(duration_texts)}")
    return exit_code


if __name__ == "__main__":
    sys.exit(main())
