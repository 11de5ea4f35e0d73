"""A synthetic Wikimedia for demos and tests without a network: pageviews and Action API, made from a seed.

`SampleServer` runs in this process, `serve` in a process of its own. `truth` returns the events that were planted in the data.
Faults can be injected, and recorded responses of the real APIs can be served instead (`replay`).
"""

from __future__ import annotations

from wiki_trends.sample.faults import parse_faults
from wiki_trends.sample.ground_truth import truth
from wiki_trends.sample.options import SampleOptions
from wiki_trends.sample.server import Exchange, SampleServer, serve

__all__ = ["Exchange", "SampleOptions", "SampleServer", "parse_faults", "serve", "truth"]
