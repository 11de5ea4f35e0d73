"""Plants the causes of rises in the synthetic English Wikipedia, and answers the queries of the sources that show them.

- A third of the bursts have no cause.
- About a quarter of the causes do not have the form that the rules expect. For example, only the month of a death is known, a page is named
  without bold, or a move has an unusual comment.
- Decoys resemble causes. For example, a person died much earlier, the main page names a page that did not rise, or a page is always edited
  often.
- No redirect causes a rise in the lists. The benchmark of the evidence adds such redirects.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from wiki_trends.sample.evidence.links import respond_links
from wiki_trends.sample.evidence.revisions import respond_creations, respond_revisions
from wiki_trends.sample.evidence.wikidata import respond_wikidata

if TYPE_CHECKING:
    from collections.abc import Mapping

    from wiki_trends.sample.responses import Response


def respond(params: Mapping[str, str], seed: int, project: str) -> Response | None:
    """Answer a query of a source of the evidence; None for any other query."""
    properties = params.get("prop", "").split("|")
    if project == "wikidata" and params.get("action") == "wbgetentities":
        return respond_wikidata(params, seed)
    if params.get("list") == "logevents":
        return respond_creations(params, seed, project)
    if "links" in properties:
        return respond_links(params, seed, project)
    if "revisions" in properties:
        return respond_revisions(params, seed, project)
    return None
