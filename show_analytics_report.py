"""Show the trends of the window that was published last."""

import sys
from pathlib import Path

try:
    from wiki_trends.compat.scripts import show_analytics_report
except ModuleNotFoundError as error:
    if error.name not in ("wiki_trends", "smart_orchestrator"):
        raise
    script = Path(__file__).resolve()
    python = script.parent / ".venv" / "bin" / "python"
    fix = f"Run: {python} {script}" if python.exists() else f"Run `make install` in {script.parent} first."
    print(f"error: {sys.executable} does not have the package {error.name}. {fix}", file=sys.stderr)
    sys.exit(2)

if __name__ == "__main__":
    show_analytics_report()
