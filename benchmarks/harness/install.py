"""Install the commit's wheel, and its exact pins but for those the environment's name decides.

asv runs this with the environment's Python: `python install.py WHEEL ENVIRONMENT_FOLDER`. Its own
default, `pip install --force-reinstall WHEEL`, would replace the matrix's versions by the newest.
"""

import importlib
import importlib.metadata
import subprocess
import sys
import tomllib
from pathlib import Path

if __name__ == "__main__":
    # Run as a file, it finds its neighbours beside it.
    from requirements import matrix_requirements, pins  # type: ignore[import-not-found]
    from version import DISTRIBUTION  # type: ignore[import-not-found]

    wheel, folder = sys.argv[1], Path(sys.argv[2])
    pip = [sys.executable, "-m", "pip", "install", "--quiet"]
    subprocess.run([*pip, "--no-deps", "--force-reinstall", wheel], check=True)
    importlib.invalidate_caches()
    wanted = pins(importlib.metadata.requires(DISTRIBUTION) or []) | matrix_requirements(folder)
    # What simulates users comes, like all that measures, from the working tree.
    project = tomllib.loads(Path(__file__).parents[2].joinpath("pyproject.toml").read_text("utf-8"))
    wanted = pins(project["project"]["optional-dependencies"]["load"]) | wanted
    subprocess.run([*pip, *(f"{name}=={version}" for name, version in wanted.items())], check=True)
