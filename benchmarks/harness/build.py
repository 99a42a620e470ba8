"""Build the working tree's data layer with another release of a dependency than it pins itself.

asv runs this with the environment's Python: `python build.py FOLDER WHEELS`, where FOLDER holds a
commit's `requirements.txt` with one exact pin, such as `sqlalchemy==2.0.30`.

The wheel's metadata has that pin among the others, so that whoever verifies an environment need not
know how it came about; and its version ends with a digest of the data layer.
"""

import re
import shutil
import subprocess
import sys
import tempfile
from pathlib import Path

ROOT = Path(__file__).parents[2]


if __name__ == "__main__":
    # Run as a file, it finds its neighbours beside it.
    from requirements import repinned  # type: ignore[import-not-found]
    from version import data_layer  # type: ignore[import-not-found]

    commit, wheels = Path(sys.argv[1]), sys.argv[2]
    name, _, version = (
        commit.joinpath("requirements.txt").read_text("utf-8").strip().partition("==")
    )
    project = repinned((ROOT / "pyproject.toml").read_text("utf-8"), name, version)
    label = rf"\g<0>+{data_layer(ROOT / 'fixtures')}"
    project = re.sub(r'(?m)^version = "[^"]*(?=")', label, project, count=1)
    with tempfile.TemporaryDirectory() as folder:
        # A copy: setuptools leaves files beside what it builds.
        shutil.copytree(ROOT / "fixtures", Path(folder, "fixtures"))
        shutil.copy(ROOT / "README.md", folder)
        Path(folder, "pyproject.toml").write_text(project, "utf-8")
        pip = [sys.executable, "-m", "pip", "wheel", "--quiet", "--no-deps", "--no-build-isolation"]
        subprocess.run([*pip, "-w", wheels, folder], check=True)
