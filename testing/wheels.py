"""Build the distributions, and install them into new environments outside the checkout."""

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
# The folder of each distribution, by its import package.
SOURCES = {
    "smart_orchestrator": ROOT / "packages" / "smart-orchestrator",
    "wiki_trends": ROOT / "packages" / "wiki-trends",
}


@dataclass(frozen=True, slots=True)
class BuiltDistributions:
    """A folder with an sdist of each distribution, and a wheel that was built from the sdist."""

    folder: Path

    def wheel(self, package: str) -> Path:
        (path,) = self.folder.glob(f"{package}-*.whl")
        return path

    def sdist(self, package: str) -> Path:
        (path,) = self.folder.glob(f"{package}-*.tar.gz")
        return path

    def requirement(self, package: str, *extras: str) -> str:
        """Return the requirement that installs the wheel of a package with these extras."""
        name = package.replace("_", "-")
        return f"{name}[{','.join(extras)}] @ {self.wheel(package).as_uri()}"


@dataclass(frozen=True, slots=True)
class Environment:
    """A virtual environment that contains nothing of the checkout.

    Attributes:
        folder: the folder of the environment.
        place: the working directory of the programs.
    """

    folder: Path
    place: Path

    @property
    def python(self) -> Path:
        return self.folder / "bin" / "python"

    def run(self, *command: str, timeout: float = 120, **environ: str) -> str:
        """Run a program of the environment without the caller's environment variables, and return what it prints."""
        base_environ = {
            "PATH": f"{self.folder / 'bin'}{os.pathsep}{os.defpath}",
            "HOME": str(self.place),
            "LANG": "C.UTF-8",
        }
        completed = subprocess.run(
            [str(self.folder / "bin" / command[0]), *command[1:]],
            cwd=self.place,
            env=base_environ | environ,
            capture_output=True,
            text=True,
            timeout=timeout,
            check=False,
        )
        assert completed.returncode == 0, (
            f"{' '.join(command)}\n{completed.stdout[-4000:]}\n{completed.stderr[-4000:]}"
        )
        return completed.stdout

    def installed(self) -> list[str]:
        """Return the names of the installed packages."""
        listed = uv("pip", "list", "--format=freeze", "--python", str(self.python))
        return [line.partition("==")[0] for line in listed.splitlines()]


def uv(*arguments: str, cwd: Path | None = None) -> str:
    """Run uv with its usual cache and registry, and return what it prints."""
    completed = subprocess.run([str(UV), *arguments], cwd=cwd, capture_output=True, text=True, check=False)
    assert completed.returncode == 0, (
        f"uv {' '.join(arguments)}\n{completed.stdout[-4000:]}\n{completed.stderr[-4000:]}"
    )
    return completed.stdout


def build(folder: Path) -> BuiltDistributions:
    """Build every distribution of the workspace with this environment's hatchling, which needs no network."""
    uv(
        "build",
        "--quiet",
        "--all-packages",
        "--no-build-isolation",
        f"--python={sys.executable}",
        f"--out-dir={folder}",
        cwd=ROOT,
    )
    return BuiltDistributions(folder)


def install(folder: Path, *requirements: str) -> Environment:
    """Create an environment in an empty folder, and install the requirements with the versions of the lock file."""
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
    """Return the content of each file of an import package that git tracks or would add, by its path in the wheel."""
    folder = SOURCES[package] / "src"
    command = ["git", "ls-files", "-z", "--cached", "--others", "--exclude-standard", "--", "."]
    completed = subprocess.run(command, cwd=folder, capture_output=True, text=True, check=True)
    paths = {name: folder / name for name in completed.stdout.split("\0") if name}
    return {name: path.read_bytes() for name, path in paths.items() if path.is_file()}


def data_files() -> dict[str, bytes]:
    """Return the content of each file of the packages that is not Python code, by its path in the wheel."""
    files = {name: content for package in SOURCES for name, content in sources(package).items()}
    return {name: content for name, content in files.items() if not name.endswith(".py")}


def data_files_to_read() -> set[str]:
    """Return the data files that the product must read: all except licences and `py.typed`."""
    return {name for name in data_files() if not name.endswith((".LICENSE", ".typed"))}


def opened_data_files(environment: Environment) -> set[str]:
    """Return the data files that the installed product opens in `read_data_files.py`, which needs the extra `web`."""
    script = shutil.copy(Path(__file__).with_name("read_data_files.py"), environment.place)
    package_folder = environment.run("python", "-c", "import wiki_trends; print(wiki_trends.__path__[0])")
    packages = Path(package_folder.strip()).parent
    return set(json.loads(environment.run("python", str(script), str(packages), timeout=600)))
