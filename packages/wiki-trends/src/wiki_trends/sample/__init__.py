"""A synthetic Wikimedia for demos and tests without a network: the pageviews API and the Action API, with data made from a seed.

`SampleServer` serves the APIs in threads of the caller's process. `serve` blocks, as the main function of a process. `truth` returns
the events that were planted in the data. Options inject faults, or replay recorded responses of the real APIs.
"""

from __future__ import annotations

from wiki_trends.sample.faults import parse_faults
from wiki_trends.sample.ground_truth import truth
from wiki_trends.sample.options import SampleOptions
from wiki_trends.sample.server import Exchange, SampleServer, serve

__all__ = ["Exchange", "SampleOptions", "SampleServer", "parse_faults", "serve", "truth"]
