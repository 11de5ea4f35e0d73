"""Parse the body of a posted form."""

from __future__ import annotations

from urllib.parse import parse_qs


def parse_form(body: bytes) -> dict[str, str]:
    """Return the fields of a posted form; empty if the body cannot be parsed."""
    try:
        fields = parse_qs(body.decode("utf-8", "replace"), max_num_fields=10)
    except ValueError:
        return {}
    return {name: values[0] for name, values in fields.items()}
