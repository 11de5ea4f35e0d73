"""Add new passwords and keys for `compose.yaml` to `.env` (`make compose-env`).

The program keeps the existing lines, and adds a line for each variable that is missing. Only the owner of `.env` can read it.
"""

from __future__ import annotations

import base64
import os
import secrets
import sys
from pathlib import Path

FILE = Path(__file__).parents[1] / ".env"
SECRET_NAMES = (
    "POSTGRES_PASSWORD",
    "REDIS_PASSWORD",
    "S3_ACCESS_KEY",
    "S3_SECRET_KEY",
    "AIRFLOW_ADMIN_PASSWORD",
    "AIRFLOW_VIEWER_PASSWORD",
    "AIRFLOW_SECRET_KEY",
    "AIRFLOW_JWT_SECRET",
)


def missing_lines(text: str) -> list[str]:
    """Return the lines to add to a `.env` that contains `text`."""
    existing_names = {line.partition("=")[0].strip() for line in text.splitlines()}
    # The values become parts of URLs, so they consist of characters that need no quoting.
    lines = [f"{name}={secrets.token_urlsafe(32)}" for name in SECRET_NAMES if name not in existing_names]
    if "AIRFLOW_FERNET_KEY" not in existing_names:
        key = base64.urlsafe_b64encode(secrets.token_bytes(32)).decode()
        lines.append(f"AIRFLOW_FERNET_KEY={key}")
    if "WIKI_TRENDS_CONTACT" not in existing_names:
        lines.append(f"WIKI_TRENDS_CONTACT={os.environ.get('CONTACT', '')}")
    return lines


def main(file: Path = FILE) -> int:
    """Write the file, and print the number of names that were added."""
    text = file.read_text(encoding="utf-8") if file.exists() else ""
    lines = missing_lines(text)
    if text and not text.endswith("\n"):
        text += "\n"
    descriptor = os.open(file, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
    with os.fdopen(descriptor, "w", encoding="utf-8") as stream:
        stream.write(text + "".join(f"{line}\n" for line in lines))
    file.chmod(0o600)
    print(
        f"{file.name}: {len(lines)} names added. The password of Airflow's user admin is AIRFLOW_ADMIN_PASSWORD."
    )
    if "WIKI_TRENDS_CONTACT=" in lines:
        print("Write your e-mail address or URL for Wikimedia to WIKI_TRENDS_CONTACT in it.", file=sys.stderr)
    return 0


if __name__ == "__main__":
    sys.exit(main())
