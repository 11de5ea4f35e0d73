"""The dashboard over the faults of the corpus: every route answers, with a reason, and shows no path of the machine."""

from __future__ import annotations

from testing.faults import DAY

WINDOW = f"start={DAY}&end={DAY}"
VIEWS = {
    "/": "/overview",
    "/pages": "/pages",
    "/page?title=Page_1": "/page",
    "/categories": "/categories",
    "/category?name=Other": "/category",
    f"/completeness?{WINDOW}": "/completeness",
    f"/day?day={DAY}": "/day",
    "/runs": "/runs",
    f"/left-out?day={DAY}": "/left-out",
}
