"""The built distributions, and fresh environments outside the checkout in which they are installed."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]
UV = ROOT / ".tools" / "bin" / "uv"
# The distributions by their import packages.
SOURCES = {
    "smart_orchestrator": ROOT / "packages" / "smart-orchestrator",
    "wiki_trends": ROOT / "packages" / "wiki-trends",
}


@dataclass(frozen=True, slots=True)
class Built:
    """What was built into a folder: for each distribution an sdist, and a wheel made from that sdist."""

    folder: Path

    def wheel(self, package: str) -> Path:
        (path,) = self.folder.glob(f"{package}-*.whl")
        return path

    def sdist(self, package: str) -> Path:
        (path,) = self.folder.glob(f"{package}-*.tar.gz")
        return path

    def requirement(self, package: str, *extras: str) -> str:
        """The wheel as a requirement with these extras."""
        name = package.replace("_", "-")
        return f"{name}[{','.join(extras)}] @ {self.wheel(package).as_uri()}"


@dataclass(frozen=True, slots=True)
class Environment:
    """A virtual environment with nothing of the checkout in it; what runs in it runs in `place`."""

    folder: Path
    place: Path

    @property
    def python(self) -> Path:
        return self.folder / "bin" / "python"

    def run(self, *command: str, timeout: float = 120, **environ: str) -> str:
        """What a program of the environment prints; no setting of the caller reaches it."""
        kept = {
            "PATH": f"{self.folder / 'bin'}{os.pathsep}{os.defpath}",
            "HOME": str(self.place),
            "LANG": "C.UTF-8",
        }
        done = subprocess.run(
            [str(self.folder / "bin" / command[0]), *command[1:]],
            cwd=self.place,
            env=kept | environ,
            capture_output=True,
            text=True,
            timeout=timeout,
            check=False,
        )
        assert done.returncode == 0, f"{' '.join(command)}\n{done.stdout[-4000:]}\n{done.stderr[-4000:]}"
        return done.stdout

    def installed(self) -> list[str]:
        """The names of the packages in it."""
        listed = uv("pip", "list", "--format=freeze", "--python", str(self.python))
        return [line.partition("==")[0] for line in listed.splitlines()]


def uv(*arguments: str, cwd: Path | None = None) -> str:
    """What uv prints, with its cache and its registry as they are."""
    done = subprocess.run([str(UV), *arguments], cwd=cwd, capture_output=True, text=True, check=False)
    assert done.returncode == 0, f"uv {' '.join(arguments)}\n{done.stdout[-4000:]}\n{done.stderr[-4000:]}"
    return done.stdout


def build(folder: Path) -> Built:
    """Build every distribution of the workspace with the hatchling of this environment; needs no network."""
    uv(
        "build",
        "--quiet",
        "--all-packages",
        "--no-build-isolation",
        f"--python={sys.executable}",
        f"--out-dir={folder}",
        cwd=ROOT,
    )
    return Built(folder)


def install(folder: Path, *requirements: str) -> Environment:
    """Make an environment in an empty folder and install into it, each package in the version of the lock file."""
    constraints, place = folder / "constraints.txt", folder / "place"
    place.mkdir()
    exported = ("--all-packages", "--all-extras", "--all-groups", "--no-emit-workspace", "--no-hashes")
    uv("export", "--quiet", "--frozen", *exported, f"--output-file={constraints}", cwd=ROOT)
    environment = Environment(folder / "environment", place)
    uv("venv", "--quiet", f"--python={sys.executable}", str(environment.folder), cwd=place)
    uv(
        "pip",
        "install",
        "--quiet",
        f"--python={environment.python}",
        f"--constraint={constraints}",
        *requirements,
        cwd=place,
    )
    return environment


def sources(package: str) -> dict[str, bytes]:
    """The files of an import package by their paths in the wheel: those that git knows or would add."""
    folder = SOURCES[package] / "src"
    command = ["git", "ls-files", "-z", "--cached", "--others", "--exclude-standard", "--", "."]
    done = subprocess.run(command, cwd=folder, capture_output=True, text=True, check=True)
    paths = {name: folder / name for name in done.stdout.split("\0") if name}
    return {name: path.read_bytes() for name, path in paths.items() if path.is_file()}


def data_files() -> dict[str, bytes]:
    """The files of all packages that are not code, by their paths in the wheels."""
    files = {name: content for package in SOURCES for name, content in sources(package).items()}
    return {name: content for name, content in files.items() if not name.endswith(".py")}


def read_by_the_product() -> set[str]:
    """The data files that a function of the product reads; licences and `py.typed` are only shipped."""
    return {name for name in data_files() if not name.endswith((".LICENSE", ".typed"))}


def opened_by_the_product(environment: Environment) -> set[str]:
    """The data files that the installed product opens when `read_data_files.py` uses it; needs the extra `web`."""
    script = shutil.copy(Path(__file__).with_name("read_data_files.py"), environment.place)
    found = environment.run("python", "-c", "import wiki_trends; print(wiki_trends.__path__[0])")
    packages = Path(found.strip()).parent
    return set(json.loads(environment.run("python", str(script), str(packages), timeout=600)))
