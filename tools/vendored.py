"""Generate `report/assets/vendor` from npm packages: `python -m tools.vendored`.

The generated files are in the repository, so the product, its build and `make test` do not need npm.

The pages must work offline and under a strict Content-Security-Policy, so the package contains their dependencies:

- Vega, and Vega's interpreter of expressions, without which Vega needs `unsafe-eval`. This program converts the interpreter from a
  module to a plain script;
- the fonts, with Latin characters only, as data in a style sheet, so that a page is one file;
- the outlines of the countries from Natural Earth at 1:110,000,000, without names and without Antarctica. The points are rounded to
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
VENDOR_FOLDER = ROOT / "packages" / "wiki-trends" / "src" / "wiki_trends" / "report" / "assets" / "vendor"
SERIF_PACKAGE, SANS_PACKAGE = "@fontsource/newsreader@5.3.0", "@fontsource/inter@5.3.0"
FONT_WEIGHTS = (400, 600)
VEGA_PACKAGE, INTERPRETER_PACKAGE, ATLAS_PACKAGE = "vega@6.4.0", "vega-interpreter@2.3.2", "world-atlas@2.0.2"
STEPS_PER_DEGREE = 4
ANTARCTICA_ID = "010"


def main() -> None:
    """Download the packages, and write the files."""
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        vega, interpreter, atlas = (
            _download_package(folder, package)
            for package in (VEGA_PACKAGE, INTERPRETER_PACKAGE, ATLAS_PACKAGE)
        )
        licence = _read(vega, "LICENSE")
        _write(
            "vega.min.js",
            f"/*! {VEGA_PACKAGE}, BSD-3-Clause\n{licence}*/\n{_read(vega, 'build/vega.min.js')}",
        )
        _write("vega-interpreter.js", _convert_to_script(_read(interpreter, "build/vega-interpreter.js")))
        _write("vega.LICENSE", licence)
        fonts = {
            name: _download_package(folder, package)
            for name, package in (("Newsreader", SERIF_PACKAGE), ("Inter", SANS_PACKAGE))
        }
        _write("fonts.css", _font_style_sheet(fonts))
        _write("fonts.LICENSE", "\n".join(_read(package, "LICENSE") for package in fonts.values()))
        _write("world-atlas.LICENSE", _read(atlas, "LICENSE"))
        outline = _reduce_world(json.loads(_read(atlas, "countries-110m.json")))
        _write("world.json", json.dumps(outline, separators=(",", ":")))


def _download_package(folder: Path, package: str) -> Path:
    target = folder / package.rpartition("@")[0].replace("/", "-")
    command = ["npm", "pack", "--silent", "--pack-destination", str(folder), package]
    archive = subprocess.run(command, check=True, capture_output=True, text=True).stdout.split()[-1]
    with tarfile.open(folder / archive) as packed:
        packed.extractall(target, filter="data")
    return target / "package"


def _read(package: Path, name: str) -> str:
    return (package / name).read_text(encoding="utf-8")


def _write(name: str, text: str) -> None:
    VENDOR_FOLDER.mkdir(parents=True, exist_ok=True)
    lines = [line for line in text.rstrip().splitlines() if not line.startswith("//# sourceMappingURL")]
    (VENDOR_FOLDER / name).write_text("\n".join(lines) + "\n", encoding="utf-8")


def _convert_to_script(module: str) -> str:
    """Convert a module to a plain script that sets the global `vegaInterpreter`. The script reads the imported names from `vega`."""
    names, body = re.fullmatch(r"import \{(.+?)\} from 'vega-util';\n(.*)", module, re.DOTALL).groups()  # type: ignore[union-attr]
    body = re.sub(
        r"export \{ expression as expressionInterpreter \};", "globalThis.vegaInterpreter = expression;", body
    )
    return (
        f"/*! {INTERPRETER_PACKAGE}, BSD-3-Clause: vega.LICENSE; wrapped as a plain script */\n"
        f'(() => {{\n"use strict";\nconst {{{names}}} = globalThis.vega;\n{body}\n}})();\n'
    )


def _font_style_sheet(fonts: dict[str, Path]) -> str:
    """Return a style sheet that contains the fonts as data URLs."""
    faces = [f"/*! {SERIF_PACKAGE}, {SANS_PACKAGE}, OFL-1.1: fonts.LICENSE */"]
    for name, package in fonts.items():
        for weight in FONT_WEIGHTS:
            data = (package / f"files/{name.lower()}-latin-{weight}-normal.woff2").read_bytes()
            source = f"data:font/woff2;base64,{base64.b64encode(data).decode()}"
            faces.append(
                f'@font-face {{ font-family: "{name}"; font-weight: {weight}; src: url("{source}") format("woff2"); }}'
            )
    return "\n".join(faces)


def _reduce_world(world: dict[str, Any]) -> dict[str, Any]:
    """Return a TopoJSON of the world with only the shapes of the countries, rounded to a coarser grid."""
    (x_scale, y_scale), (x_offset, y_offset) = world["transform"]["scale"], world["transform"]["translate"]
    countries = [
        shape for shape in world["objects"]["countries"]["geometries"] if shape.get("id") != ANTARCTICA_ID
    ]
    new_numbers: dict[int, int] = {}
    shapes = [
        {"type": country["type"], "arcs": _renumber(country["arcs"], new_numbers)} for country in countries
    ]
    old_by_new = {new: old for old, new in new_numbers.items()}
    arcs = []
    for new in range(len(new_numbers)):
        x = y = 0
        points: list[tuple[int, int]] = []
        for dx, dy in world["arcs"][old_by_new[new]]:
            x, y = x + dx, y + dy
            point = (
                round((x * x_scale + x_offset + 180) * STEPS_PER_DEGREE),
                round((y * y_scale + y_offset + 90) * STEPS_PER_DEGREE),
            )
            if not points or point != points[-1]:
                points.append(point)
        if len(points) == 1:
            points *= 2  # An arc needs two points.
        steps = [(end[0] - start[0], end[1] - start[1]) for start, end in pairwise(points)]
        arcs.append([points[0], *steps])
    step = 1 / STEPS_PER_DEGREE
    return {
        "type": "Topology",
        "source": f"Natural Earth, public domain, by way of {ATLAS_PACKAGE} (ISC)",
        "transform": {"scale": [step, step], "translate": [-180, -90]},
        "objects": {"countries": {"type": "GeometryCollection", "geometries": shapes}},
        "arcs": arcs,
    }


def _renumber(arcs: Any, new_numbers: dict[int, int]) -> Any:
    """Replace the numbers of arcs by new numbers without gaps, and record them in `new_numbers`, by old number.

    A reversed arc is the bitwise complement of its number, which is negative.
    """
    if isinstance(arcs, list):
        return [_renumber(arc, new_numbers) for arc in arcs]
    old = arcs if arcs >= 0 else ~arcs
    new = new_numbers.setdefault(old, len(new_numbers))
    return new if arcs >= 0 else ~new


if __name__ == "__main__":
    main()
