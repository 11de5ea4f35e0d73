"""Report which of the last days are in the lake, and fetch those that are not: `--days N`, `--auto`."""

import sys
from pathlib import Path

try:
    from wiki_trends.compat.scripts import check_and_fetch_data
except ModuleNotFoundError as error:
    if error.name not in ("wiki_trends", "smart_orchestrator"):
        raise
    script = Path(__file__).resolve()
    python = script.parent / ".venv" / "bin" / "python"
    fix = f"Run: {python} {script}" if python.exists() else f"Run `make install` in {script.parent} first."
    print(f"error: {sys.executable} does not have the package {error.name}. {fix}", file=sys.stderr)
    sys.exit(2)

if __name__ == "__main__":
    check_and_fetch_data()
