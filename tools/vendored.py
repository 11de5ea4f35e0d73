"""Writes `report/assets/vendor` again from packages of npm: `python -m tools.vendored`. Only this program needs npm.

The pages must work offline and under a strict Content-Security-Policy, so the package contains their dependencies:

- Vega, and its interpreter of expressions, without which Vega needs `unsafe-eval`. npm has the interpreter as a module, and this
  program wraps it as a plain script;
- the fonts, with Latin characters only, as data in a style sheet, so that a page is one file;
- an outline of the world, from Natural Earth at 1:110,000,000, without names and without Antarctica. Its points are on a grid of
  a quarter of a degree.
"""

from __future__ import annotations

import base64
import json
import re
import subprocess
import tarfile
import tempfile
from itertools import pairwise
from pathlib import Path
from typing import Any

ROOT = Path(__file__).resolve().parent.parent
VENDOR = ROOT / "packages" / "wiki-trends" / "src" / "wiki_trends" / "report" / "assets" / "vendor"
SERIF, SANS = "@fontsource/newsreader@5.3.0", "@fontsource/inter@5.3.0"
WEIGHTS = (400, 600)
VEGA, INTERPRETER, ATLAS = "vega@6.4.0", "vega-interpreter@2.3.2", "world-atlas@2.0.2"
STEPS_PER_DEGREE = 4
ANTARCTICA = "010"


def main() -> None:
    """Fetch the packages and write the files."""
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        vega, interpreter, atlas = (_unpacked(folder, package) for package in (VEGA, INTERPRETER, ATLAS))
        licence = _read(vega, "LICENSE")
        _write("vega.min.js", f"/*! {VEGA}, BSD-3-Clause\n{licence}*/\n{_read(vega, 'build/vega.min.js')}")
        _write("vega-interpreter.js", _as_script(_read(interpreter, "build/vega-interpreter.js")))
        _write("vega.LICENSE", licence)
        fonts = {
            name: _unpacked(folder, package) for name, package in (("Newsreader", SERIF), ("Inter", SANS))
        }
        _write("fonts.css", _faces(fonts))
        _write("fonts.LICENSE", "\n".join(_read(package, "LICENSE") for package in fonts.values()))
        _write("world-atlas.LICENSE", _read(atlas, "LICENSE"))
        outline = _reduced(json.loads(_read(atlas, "countries-110m.json")))
        _write("world.json", json.dumps(outline, separators=(",", ":")))


def _unpacked(folder: Path, package: str) -> Path:
    target = folder / package.rpartition("@")[0].replace("/", "-")
    command = ["npm", "pack", "--silent", "--pack-destination", str(folder), package]
    archive = subprocess.run(command, check=True, capture_output=True, text=True).stdout.split()[-1]
    with tarfile.open(folder / archive) as packed:
        packed.extractall(target, filter="data")
    return target / "package"


def _read(package: Path, name: str) -> str:
    return (package / name).read_text(encoding="utf-8")


def _write(name: str, text: str) -> None:
    VENDOR.mkdir(parents=True, exist_ok=True)
    lines = [line for line in text.rstrip().splitlines() if not line.startswith("//# sourceMappingURL")]
    (VENDOR / name).write_text("\n".join(lines) + "\n", encoding="utf-8")


def _as_script(module: str) -> str:
    """Convert the module to a plain script that sets `vegaInterpreter`. The script takes its imports from `vega`."""
    names, body = re.fullmatch(r"import \{(.+?)\} from 'vega-util';\n(.*)", module, re.DOTALL).groups()  # type: ignore[union-attr]
    body = re.sub(
        r"export \{ expression as expressionInterpreter \};", "globalThis.vegaInterpreter = expression;", body
    )
    return (
        f"/*! {INTERPRETER}, BSD-3-Clause: vega.LICENSE; wrapped as a plain script */\n"
        f'(() => {{\n"use strict";\nconst {{{names}}} = globalThis.vega;\n{body}\n}})();\n'
    )


def _faces(fonts: dict[str, Path]) -> str:
    """Build a style sheet that contains the fonts as data."""
    faces = [f"/*! {SERIF}, {SANS}, OFL-1.1: fonts.LICENSE */"]
    for name, package in fonts.items():
        for weight in WEIGHTS:
            data = (package / f"files/{name.lower()}-latin-{weight}-normal.woff2").read_bytes()
            source = f"data:font/woff2;base64,{base64.b64encode(data).decode()}"
            faces.append(
                f'@font-face {{ font-family: "{name}"; font-weight: {weight}; src: url("{source}") format("woff2"); }}'
            )
    return "\n".join(faces)


def _reduced(world: dict[str, Any]) -> dict[str, Any]:
    """Reduce a TopoJSON of the world to the countries without names, on a coarser grid."""
    (sx, sy), (tx, ty) = world["transform"]["scale"], world["transform"]["translate"]
    countries = [
        shape for shape in world["objects"]["countries"]["geometries"] if shape.get("id") != ANTARCTICA
    ]
    used: dict[int, int] = {}
    shapes = [{"type": country["type"], "arcs": _renumbered(country["arcs"], used)} for country in countries]
    old_by_new = {new: old for old, new in used.items()}
    arcs = []
    for new in range(len(used)):
        x = y = 0
        points: list[tuple[int, int]] = []
        for dx, dy in world["arcs"][old_by_new[new]]:
            x, y = x + dx, y + dy
            point = (
                round((x * sx + tx + 180) * STEPS_PER_DEGREE),
                round((y * sy + ty + 90) * STEPS_PER_DEGREE),
            )
            if not points or point != points[-1]:
                points.append(point)
        if len(points) == 1:
            points *= 2
        steps = [(b[0] - a[0], b[1] - a[1]) for a, b in pairwise(points)]
        arcs.append([points[0], *steps])
    step = 1 / STEPS_PER_DEGREE
    return {
        "type": "Topology",
        "source": f"Natural Earth, public domain, by way of {ATLAS} (ISC)",
        "transform": {"scale": [step, step], "translate": [-180, -90]},
        "objects": {"countries": {"type": "GeometryCollection", "geometries": shapes}},
        "arcs": arcs,
    }


def _renumbered(arcs: Any, used: dict[int, int]) -> Any:
    """Renumber the arcs without gaps. A negative number is the complement of the number of a reversed arc."""
    if isinstance(arcs, list):
        return [_renumbered(arc, used) for arc in arcs]
    old = arcs if arcs >= 0 else ~arcs
    new = used.setdefault(old, len(used))
    return new if arcs >= 0 else ~new


if __name__ == "__main__":
    main()
