"""Commits and environments that differ: nothing is measured under a wrong label."""

import json
import math
import re
import sys
from pathlib import Path

from ..support.clone import ROOT, Clone

TIME = "social.UpdateProfile.time_cpu"
INSTALL = ("--bench", "just-discover")
"""Arguments with which asv installs a commit, and measures nothing."""


def test_a_third_domain_takes_no_edit_elsewhere(clone: Clone) -> None:
    """The page's walk, file by file; at the commit before it the domain is n/a."""
    page = (ROOT / "docs" / "third-example.md").read_text(encoding="utf-8")
    files = re.findall(r"^`(\S+\.py)`\n\n```python\n(.*?)^```", page, re.MULTILINE | re.DOTALL)
    assert len(files) == 4
    for name, text in files:
        (clone.path / name).parent.mkdir(exist_ok=True)
        (clone.path / name).write_text(text, encoding="utf-8")
    after = clone.commit("A library")
    # Without instructions, which take long, and are counted by the same code in every domain.
    bench = ("--bench", "library(?!.*instructions)", "--bench", TIME)
    output = clone.asv("run", "HEAD~2..HEAD", *bench, "-e")
    assert "this commit has no" in output
    name = "library.BooksOnShelf.time_wall"
    (new,), (old,) = (
        clone.results(after),
        clone.results(clone.run("git", "rev-parse", "HEAD~1").strip()),
    )
    assert new["results"][name][0][0] > 0
    assert math.isnan(old["results"][name][0][0])
    for found in (new, old):
        assert found["results"][TIME][0][0] > 0


def test_an_environment_holds_what_it_says_or_nothing_is_measured(clone: Clone) -> None:
    clone.asv("run", "HEAD^!", *INSTALL)
    (python,) = (clone.path / ".asv" / "env").glob("*/bin/python")
    code = "import sqlalchemy; print(sqlalchemy.__version__)"
    pinned = clone.run(str(python), "-c", code).strip()
    # Somebody installs another release into it.
    pip = (str(python), "-m", "pip", "install", "-q", "--no-deps")
    clone.run(*pip, "sqlalchemy==2.0.58")
    output = clone.asv("run", "HEAD^!", "--bench", TIME, "--dry-run", code=2)
    clone.run(*pip, f"sqlalchemy=={pinned}")
    refusals = [line.strip() for line in output.splitlines() if "refusing to measure" in line]
    assert refusals
    for line in refusals:
        assert line.endswith(
            f"the commit's pins say sqlalchemy {pinned}, installed is 2.0.58;"
            f" remove .asv/env/{python.parents[1].name}"
        )
    assert "Traceback" not in output
    # The tool comes by its folder alone, so that no other SQLAlchemy can shadow the measured one.
    found = clone.run(
        *(str(python), "-c"),
        "import sqlalchemy_asv, sqlalchemy\n"
        "print(sqlalchemy_asv.__path__[0], sqlalchemy.__file__, sep='\\n')",
        cwd=clone.path.parent,
    )
    tool, measured = found.splitlines()
    assert Path(tool) == clone.path / ".asv" / "tool" / "sqlalchemy_asv"
    assert [path.name for path in Path(tool).parent.iterdir()] == ["sqlalchemy_asv"]
    assert str(clone.path) in measured or ".asv/env" in measured


def test_a_commit_that_calls_its_distribution_otherwise_is_installed_alone(clone: Clone) -> None:
    """Commits before the tool was a distribution of its own had its name."""
    project = clone.path / "pyproject.toml"
    before = project.read_text(encoding="utf-8")
    (python,) = (clone.path / ".asv" / "env").glob("*/bin/python")
    try:
        for name in ("sqlalchemy-asv", "somebody_s.application"):
            text = before.replace('name = "sqlalchemy-asv-fixtures"', f'name = "{name}"')
            assert f'name = "{name}"' in text
            project.write_text(text, encoding="utf-8")
            clone.commit(f"Called {name}")
            assert "failed" not in clone.asv("run", "HEAD^!", *INSTALL)
            listed = json.loads(clone.run(str(python), "-m", "pip", "list", "--format=json"))
            names = {each["name"].lower().replace("_", "-").replace(".", "-") for each in listed}
            known = {"sqlalchemy-asv", "somebody-s-application", "sqlalchemy-asv-fixtures"}
            assert names & known == {name.replace("_", "-").replace(".", "-")}
        text = before.replace("setuptools.build_meta", "flit_core.buildapi")
        project.write_text(text, encoding="utf-8")
        clone.commit("With a build back end that is not there")
        said = clone.asv("run", "HEAD^!", *INSTALL, code=2)
        assert "Backend 'flit_core.buildapi' is not available" in said
    finally:
        project.write_text(before, encoding="utf-8")
        clone.commit("As before")


def test_a_detached_and_shallow_clone(clone: Clone, tmp_path: Path) -> None:
    shallow = tmp_path / "shallow"
    clone.run("git", "clone", "-q", "--depth=1", clone.path.as_uri(), str(shallow), cwd=tmp_path)
    clone.run("git", "checkout", "-q", "--detach", cwd=shallow)
    clone.share("env", root=shallow)
    asv = (sys.executable, "-m", "asv")
    output = clone.run(*asv, "run", "HEAD^!", "--bench", TIME, cwd=shallow)
    assert "failed" not in output
    clone.run(*asv, "publish", cwd=shallow)
    assert (shallow / ".asv" / "site" / "commits" / "index.html").exists()
