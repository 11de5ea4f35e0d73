"""Runs the project in a minimal Debian 13 with only Python 3.13, make and git (`make test-bare`).

The system has no Java, Node, compiler or Docker. debootstrap creates it in a folder below `build`. The program clones the project
into the system, and runs each target through chroot, with separate `/proc`, pseudo-terminals and shared memory. The program needs
root for the mounts and for chroot. Each run creates a new folder, and removes it at the end unless `--keep` is given.

The new system uses this machine's resolver, certificate authorities, and variables of pip and proxies, because some machines reach
package registries only through them.
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
CERTIFICATES = Path("etc/ssl/certs/ca-certificates.crt")
NETWORK_FILES = ("/etc/resolv.conf", "/etc/hosts", f"/{CERTIFICATES}")
VARIABLES = (
    "PIP_CERT",
    "PIP_DEFAULT_TIMEOUT",
    "PIP_INDEX_URL",
    "SSL_CERT_FILE",
    "SSL_CERT_DIR",
    "UV_DEFAULT_INDEX",
)
PROXIES = ("http_proxy", "https_proxy", "no_proxy")
# The mounts belong to the namespace of the command. The kernel removes them when the command ends, even after a crash.
MOUNTS = """
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
    """Return the environment of the commands in the new system, with this machine's variables for the network."""
    network_names = [*VARIABLES, *PROXIES, *(name.upper() for name in PROXIES)]
    minimal = {"HOME": "/root", "PATH": "/usr/sbin:/usr/bin:/sbin:/bin", "LANG": "C.UTF-8", "CI": "true"}
    return minimal | {name: os.environ[name] for name in network_names if name in os.environ}


def run_inside(folder: Path, command: str) -> int:
    """Run a command in the project's folder of the new system, and return its exit code."""
    words = [
        "unshare",
        "--mount",
        "--propagation",
        "private",
        "sh",
        "-c",
        MOUNTS,
        "bare",
        str(folder),
        command,
    ]
    return subprocess.run(words, env=environment(), check=False).returncode


def main() -> int:
    """Create the system, run each target in it, and print the duration of each target."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("targets", nargs="*", default=["demo", "test"], help="targets of the Makefile")
    parser.add_argument("--suite", default="trixie", help="the release of Debian")
    parser.add_argument("--keep", action="store_true", help="keep the folder")
    arguments = parser.parse_args()
    if os.geteuid() != 0:
        print("make test-bare needs root: it mounts file systems and uses chroot.", file=sys.stderr)
        return 1
    if shutil.which("debootstrap") is None:
        if not may_install():
            print("make test-bare needs debootstrap, a package of Debian and Ubuntu.", file=sys.stderr)
            return 1
        install(["debootstrap"])
    started = time.monotonic()
    bootstrap(FOLDER, arguments.suite)
    times = [f"system and clone {time.monotonic() - started:.0f} s"]
    code = 0
    for target in arguments.targets:
        started = time.monotonic()
        code = run_inside(FOLDER, f"make {target}")
        times.append(f"make {target} {time.monotonic() - started:.0f} s (exit code {code})")
        if code:
            break
    if not arguments.keep:
        shutil.rmtree(FOLDER)
    print(f"Debian {arguments.suite}: {'; '.join(times)}")
    return code


if __name__ == "__main__":
    sys.exit(main())
