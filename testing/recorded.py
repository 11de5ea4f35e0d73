"""The folder of recorded Wikimedia responses, and a mark that skips a test if the folder does not exist."""

from __future__ import annotations

from pathlib import Path

import pytest

RECORDED = Path(__file__).resolve().parents[2] / "shared" / "wikimedia"
needs_recorded = pytest.mark.skipif(not RECORDED.is_dir(), reason="the recorded answers are not here")
