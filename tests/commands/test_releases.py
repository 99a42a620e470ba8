"""The history of a dependency's releases, as maintainers record it."""

import json

from ..support.clone import Clone


def test_releases_are_measured_with_the_data_layer_of_the_working_tree(clone: Clone) -> None:
    """Releases from the index that pip is configured with, as users install them."""
    places = (f"releases/sqlalchemy/{p}" for p in ("env", "compare/1/base", "compare/1/head"))
    clone.share(*places)
    config = ("--config", "asv.releases.conf.json")
    before = clone.run("git", "status", "--porcelain", "--", ":!results")
    assert "new: 2.0.57, 2.1.8, 2.0.58, 2.1.9" in clone.command("releases", "--since=2.0.57")
    calls = "social.UpdateProfile.track_calls"
    clone.asv(*config, "run", "2.1.9^!", "--bench", calls)
    (python,) = (clone.path / ".asv/releases/sqlalchemy/env").glob("*/bin/python")
    imported = clone.run(str(python), "-c", "import sqlalchemy; print(sqlalchemy.__version__)")
    assert imported.strip() == "2.1.9"
    (file,) = (clone.path / "results/releases").glob("*/*-virtualenv*.json")
    ((value,), *_) = json.loads(file.read_text(encoding="utf-8"))["results"][calls]
    assert value > 0
    # The installed data layer is no longer that of the working tree, so it is installed again.
    operations = clone.path / "fixtures" / "social" / "operations.py"
    as_it_was = operations.read_text(encoding="utf-8")
    operations.write_text(f"{as_it_was}\nMORE = 1\n", encoding="utf-8")
    clone.asv(*config, "run", "2.1.9^!", "--bench", calls, "--dry-run")
    code = "from fixtures.social import operations; print(operations.MORE)"
    assert clone.run(str(python), "-c", code, cwd=clone.path.parent).strip() == "1"
    operations.write_text(as_it_was, encoding="utf-8")
    # By their names, whatever the settings of this repository's own commits are.
    found_out = clone.command("bisect", "UpdateProfile", "2.0.57", "2.1.8", "--metric=calls")
    assert "\nsqlalchemy 2.1.8\n" in found_out
    # Nothing of it is in the tracked tree but the results.
    assert clone.run("git", "status", "--porcelain", "--", ":!results") == before
    clone.asv(*config, "publish")
    start = (clone.path / ".asv/site/index.html").read_text(encoding="utf-8")
    assert '"folder": "releases/", "name": "releases", "title": "Releases of SQLAlchemy"}' in start
    assert (clone.path / ".asv/site/releases/overview.html").is_file()
    index = json.loads((clone.path / ".asv/site/releases/index.json").read_text(encoding="utf-8"))
    assert index["project_url"] == "../index.html"
