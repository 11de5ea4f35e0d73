"""Where the recorded answers of Wikimedia lie beside the project, where they do: tests that need them are skipped elsewhere."""

from __future__ import annotations

from pathlib import Path

import pytest

RECORDED = Path(__file__).resolve().parents[2] / "shared" / "wikimedia"
needs_recorded = pytest.mark.skipif(not RECORDED.is_dir(), reason="the recorded answers are not here")
