"""The wheel of the tool, as others install it."""

import shutil
import subprocess
import sys
import zipfile
from pathlib import Path

from ..support.clone import ROOT


def test_the_wheel_holds_the_tool_alone_and_pins_nothing(tmp_path: Path) -> None:
    tool = tmp_path / "tool"
    # A copy, since building leaves files beside the source.
    listing = ["git", "ls-files", "-co", "--exclude-standard", "tool"]
    listed = subprocess.check_output(listing, cwd=ROOT, text=True).splitlines()
    names = [name for name in listed if (ROOT / name).is_file()]
    for name in names:
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        shutil.copy2(ROOT / name, tmp_path / name)
    pip = [sys.executable, "-m", "pip", "wheel", "--quiet", "--no-deps", "--wheel-dir", "dist"]
    subprocess.run([*pip, str(tool)], cwd=tmp_path, check=True)
    (wheel,) = (tmp_path / "dist").glob("sqlalchemy_asv-*.whl")
    with zipfile.ZipFile(wheel) as archive:
        files = set(archive.namelist())
        archive.extractall(tmp_path / "installed")
    package, described = "sqlalchemy_asv/", "sqlalchemy_asv-"
    assert {name for name in files if not name.startswith((package, described))} == set()
    # Everything that git keeps in the package is there: templates and scripts of the site too.
    kept = {name.removeprefix("tool/") for name in names}
    assert {name for name in kept if name.startswith(package)} <= files
    (metadata,) = (tmp_path / "installed").glob("*.dist-info/METADATA")
    required = [
        line for line in metadata.read_text("utf-8").splitlines() if line.startswith("Requires")
    ]
    assert len(required) > 10
    assert not [line for line in required if "==" in line.partition(";")[0]]
    # Without site-packages: the public names cost no import of anything else.
    done = subprocess.run(
        [sys.executable, "-S", "-c", "import sqlalchemy_asv; print(sqlalchemy_asv.__version__)"],
        cwd=tmp_path / "installed",
        capture_output=True,
        text=True,
        check=True,
    )
    assert done.stdout.split() == [wheel.name.split("-")[1]]
