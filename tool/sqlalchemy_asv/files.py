"""Files that no reader sees half-written."""

from __future__ import annotations

import json
import os
from pathlib import Path
from typing import Any


def write_json(file: Path, content: Any) -> None:
    """Write JSON beside a file, then rename it. A killed process leaves the old file, or none."""
    partial = file.with_name(f"{file.name}.{os.getpid()}.tmp")
    partial.write_text(f"{json.dumps(content)}\n", encoding="utf-8")
    partial.replace(file)
