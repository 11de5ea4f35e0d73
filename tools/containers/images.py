"""Build stand-ins for the pinned images, under the same names, from Debian and the package registries."""

from __future__ import annotations

import re
import shutil
import subprocess
from pathlib import Path
from typing import TYPE_CHECKING

from tools.containers.engine import run

if TYPE_CHECKING:
    from collections.abc import Mapping

    from tools.containers.engine import Engine

ROOT = Path(__file__).parents[2]
STAND_INS = ROOT / "tests" / "containers" / "stand_ins"
MACHINE_CERTIFICATES = Path("/usr/local/share/ca-certificates")
BASE = "debian-stand-in:bookworm"
# The target of tests/containers/stand_ins/Dockerfile for each repository, and what the stand-in really contains.
TARGETS = {
    "postgres": ("postgres", "Debian's PostgreSQL 15, with a start script that reads POSTGRES_*"),
    "chrislusf/seaweedfs": ("seaweedfs", "SeaweedFS 4.48 from its wheel"),
    "redis": ("redis", "Debian's Redis 7.0"),
    "apache/airflow": (
        "airflow",
        "Airflow from PyPI with the user, paths and entry point of the official image",
    ),
    "python": ("python", "Debian's Python 3.11"),
}
FILES = ("compose.yaml", "Dockerfile", "Dockerfile.wiki-trends")


def pinned_names() -> dict[str, str]:
    """Return the images that are not built from this repository: the pinned name, by repository."""
    texts = [(ROOT / name).read_text(encoding="utf-8") for name in FILES]
    # A name without a tag is an earlier stage of the same file.
    names = re.findall(r"^\s*(?:image:|FROM) (\S+:\S+)", "\n".join(texts), re.MULTILINE)
    return {name.partition(":")[0]: name for name in names if not name.startswith("wiki-trends")}


def bootstrap(engine: Engine) -> None:
    """Import a minimal Debian of debootstrap as the base of all stand-ins."""
    folder = engine.folder / "base"
    if not (folder / "complete").exists():
        shutil.rmtree(folder, ignore_errors=True)
        packages = "ca-certificates,curl,netbase,wget"
        run(
            ["debootstrap", "--variant=minbase", f"--include={packages}", "bookworm", str(folder / "root")],
            engine.environment | {"PATH": "/usr/sbin:/usr/bin:/sbin:/bin"},
        )
        (folder / "complete").touch()
    tar = subprocess.Popen(["tar", "-C", str(folder / "root"), "-c", "."], stdout=subprocess.PIPE)
    subprocess.run(
        ["docker", "import", "-", BASE],
        stdin=tar.stdout,
        stdout=subprocess.DEVNULL,
        env=engine.environment,
        check=True,
    )
    if tar.wait():
        msg = "tar could not read the base system"
        raise RuntimeError(msg)


def build_stand_in(engine: Engine, repository: str, name: str) -> None:
    """Build the stand-in for one image under its pinned name."""
    context = engine.folder / "context"
    if not context.exists():
        (context / "certificates").mkdir(parents=True)
        for certificate in sorted(MACHINE_CERTIFICATES.glob("*.crt")):
            shutil.copy(certificate, context / "certificates")
        (context / "constraints.txt").write_text(_constraints(), encoding="utf-8")
    shutil.copytree(STAND_INS, context, dirs_exist_ok=True)
    target, _ = TARGETS[repository]
    version = re.search(r"apache-airflow==(\S+)", (context / "constraints.txt").read_text(encoding="utf-8"))
    assert version is not None
    build(
        engine,
        context / "Dockerfile",
        context,
        name,
        target=target,
        arguments={"AIRFLOW_VERSION": version[1]},
    )


def build(
    engine: Engine,
    dockerfile: Path,
    context: Path,
    name: str,
    *,
    target: str = "",
    arguments: Mapping[str, str] | None = None,
) -> None:
    """Build an image with the network of this machine."""
    options = ["--network", "host", "--file", str(dockerfile), "--tag", name]
    options += ["--target", target] if target else []
    for key, value in (arguments or {}).items():
        options += ["--build-arg", f"{key}={value}"]
    engine.client("build", *options, str(context), seconds=1500)


def _constraints() -> str:
    """Return the versions of the lock file for Airflow and what it needs, without the distributions of this workspace."""
    command = [
        ".tools/bin/uv",
        "export",
        "--frozen",
        "--no-hashes",
        "--only-group",
        "airflow",
        "--no-emit-workspace",
    ]
    lines = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=True).stdout.splitlines()
    return "".join(f"{line}\n" for line in lines if re.match(r"[a-z0-9]", line))
