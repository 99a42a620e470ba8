"""Bad input, damaged files and places that cannot be used: one line, exit code 2, nothing lost."""

import json
import os
import subprocess
import sys
from pathlib import Path
from types import SimpleNamespace

import pytest
from asv.console import log
from asv.util import UserError
from sqlalchemy_asv import cli, files, options, scratch
from sqlalchemy_asv.asv_ext import errors, git, history, machine, settings, whole
from sqlalchemy_asv.cli.options import put_json
from sqlalchemy_asv.worker import load

from ..support.clone import ROOT

OLD = {"what": "was there before"}
IDENTITY = ("-c", "user.name=Somebody", "-c", "user.email=somebody@example.com")


def refused(capsys: pytest.CaptureFixture[str], *arguments: str) -> str:
    """The one line with which a command ends."""
    with pytest.raises(SystemExit) as end:
        cli.main(arguments)
    assert end.value.code == 2
    (line,) = capsys.readouterr().err.splitlines()
    assert line.startswith("sqlalchemy-asv: ")
    return line


# --- before anything is measured ------------------------------------------------------------------


@pytest.mark.parametrize("option", ["--html", "--json", "--markdown"])
@pytest.mark.parametrize(
    ("file", "said"),
    [(".", ". is a folder: name a file"), ("nowhere/x", "there is no folder ")],
)
def test_a_file_that_cannot_be_written_is_refused_before_measuring(
    option: str,
    file: str,
    said: str,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    monkeypatch.chdir(tmp_path)  # which has no settings: they are read later
    assert said in refused(capsys, "compare", "HEAD~1", option, file)
    if option != "--markdown":
        assert said in refused(capsys, "load", "feed", option, file)
    if option == "--json":
        for command in (("profile", "Feed"), ("budgets",), ("bisect", "Feed", "HEAD~1")):
            assert said in refused(capsys, *command, option, file)


def test_json_is_written_beside_the_text_or_printed_in_its_place(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    file = tmp_path / "found.json"
    put_json("found: 3\n", str(file), {"found": 3})
    assert capsys.readouterr().out == "found: 3\n"
    assert json.loads(file.read_text(encoding="utf-8")) == {"found": 3}
    put_json("found: 3\n", "-", {"found": 3})
    assert json.loads(capsys.readouterr().out) == {"found": 3}
    put_json("found: 3\n", None, {"found": 3})
    assert capsys.readouterr().out == "found: 3\n"


@pytest.mark.parametrize("scale", ["inf", "nan", "1e-9", "-1", "0", "1e9", "many"])
def test_a_scale_that_means_nothing_is_refused(
    scale: str, capsys: pytest.CaptureFixture[str]
) -> None:
    assert "Invalid value for '--scale'" in refused(capsys, "load", "feed", "--scale", scale)
    assert "Invalid value for '--scale'" in refused(capsys, "profile", "Feed", "--scale", scale)


@pytest.mark.parametrize("seconds", ["inf", "nan", "0", "-3"])
def test_seconds_that_mean_nothing_are_refused(
    seconds: str, capsys: pytest.CaptureFixture[str]
) -> None:
    said = refused(capsys, "compare", "HEAD~1", "--seconds", seconds)
    assert "Invalid value for '--seconds'" in said


# --- whatever escapes -----------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("error", "said"),
    [
        (UserError("there is none\nmore"), "there is none"),
        (KeyError("x"), "internal error, KeyError: 'x'; --debug shows where"),
        (ValueError("one\ntwo"), "internal error, ValueError: one; --debug shows where"),
        (RecursionError(), "internal error, RecursionError; --debug shows where"),
        (OSError(28, "No space left on device", "x.json"), "x.json: No space left on device"),
        (KeyboardInterrupt(), "interrupted"),
    ],
)
def test_whatever_escapes_is_one_line_and_exit_code_2(
    error: BaseException, said: str, capsys: pytest.CaptureFixture[str]
) -> None:
    with pytest.raises(SystemExit) as end, errors.in_one_line(debug=False, option="--debug"):
        raise error
    assert end.value.code == 2
    assert capsys.readouterr().err == f"sqlalchemy-asv: {said}\n"


def test_a_reason_has_a_line_of_its_own(capsys: pytest.CaptureFixture[str]) -> None:
    log.enable()
    log.info("begun")  # whose line asv ends when the next begins
    with pytest.raises(SystemExit):
        errors.stop("interrupted")
    assert capsys.readouterr().out.endswith("begun\n")


def test_debug_shows_the_traceback(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.delattr(sys, "tracebacklimit", raising=False)  # as a refusal leaves it
    with pytest.raises(SystemExit), errors.in_one_line(debug=True, option="--debug"):
        raise KeyError("x")
    assert "Traceback" in capsys.readouterr().err


def test_asv_ends_in_one_line_as_well(tmp_path: Path) -> None:
    for name in ("benchmarks", "asv.conf.json", "tool"):
        (tmp_path / name).symlink_to(ROOT / name)
    subprocess.run(["git", "init", "--quiet"], cwd=tmp_path, check=True)
    done = subprocess.run(
        [sys.executable, "-m", "asv", "run", "HEAD^!", "--bench", "x"],
        cwd=tmp_path,
        env={**os.environ, "HOME": str(tmp_path)},
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 2, done.stderr
    assert "Traceback" not in done.stderr


# --- files ----------------------------------------------------------------------------------------


def on_a_full_disk(folder: Path, *lines: str) -> str:
    """The errors of a process that may write files of 4,096 bytes, as if the disk were full."""
    limited = (
        "import resource, signal",
        "signal.signal(signal.SIGXFSZ, signal.SIG_IGN)",
        "resource.setrlimit(resource.RLIMIT_FSIZE, (4096, 4096))",
    )
    program = "\n".join((*limited, *lines))
    done = subprocess.run([sys.executable, "-c", program], cwd=folder, capture_output=True)
    return done.stderr.decode()


def test_a_full_disk_leaves_the_old_file(tmp_path: Path) -> None:
    file = tmp_path / "result.json"
    files.write_json(file, OLD)
    said = on_a_full_disk(
        tmp_path,
        "from sqlalchemy_asv.asv_ext import whole",
        "from asv import util",
        "whole.apply()",
        "util.write_json('result.json', {'long': 'x' * 10_000})",
    )
    assert "File too large" in said
    assert json.loads(file.read_text(encoding="utf-8")) == OLD
    assert list(tmp_path.iterdir()) == [file]


def test_a_full_disk_leaves_what_git_ignores(tmp_path: Path) -> None:
    subprocess.run(["git", "init", "--quiet"], cwd=tmp_path, check=True)
    file = tmp_path / ".gitignore"
    file.write_text(old := "a/\n" * 1500, encoding="utf-8")
    said = on_a_full_disk(
        tmp_path,
        "from pathlib import Path",
        "from types import SimpleNamespace",
        "from sqlalchemy_asv.init import writing",
        "writing.ignore(SimpleNamespace(written=[]), Path(), 'benchmarks')",
    )
    assert "File too large" in said
    assert file.read_text(encoding="utf-8") == old
    assert {*tmp_path.iterdir()} == {file, tmp_path / ".git"}


def test_a_dataset_that_a_full_disk_cannot_keep_is_refused(tmp_path: Path) -> None:
    said = on_a_full_disk(
        tmp_path,
        "import sys",
        f"sys.path.insert(0, {str(ROOT)!r})",
        "from sqlalchemy_asv.databases.base import build_images",
        "build_images('fixtures.social.dataset', (0.01,))",
    )
    assert said == (
        "sqlalchemy-asv: refusing to measure: dataset fixtures.social.dataset could not be kept:"
        " File too large\n"
    )


def test_results_are_saved_while_a_run_goes_on(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    saved = []

    class Results:
        def add_result(self, name: str) -> None:
            pass

        def save(self, folder: str) -> None:
            saved.append(folder)

    def run_benchmarks(benchmarks: object, env: object, *, results: Results) -> None:
        for name in "abc":
            results.add_result(name)
        raise KeyboardInterrupt

    monkeypatch.setattr(whole, "EVERY", -1)
    whole.save_to("somewhere")
    try:
        with pytest.raises(KeyboardInterrupt):
            whole._run_benchmarks(run_benchmarks)(None, None, results=Results())
    finally:
        whole.save_to(None)
    assert saved == ["somewhere"] * 4


def test_a_file_that_is_no_regular_one_is_written_in_place(tmp_path: Path) -> None:
    files.write_text(Path("/dev/null"), "x")
    link = tmp_path / "link"
    link.symlink_to(tmp_path / "target")
    files.write_text(link, "x")
    assert link.is_symlink()
    assert (tmp_path / "target").read_text() == "x"


def test_a_file_keeps_its_mode(tmp_path: Path) -> None:
    file = tmp_path / "private.json"
    file.touch(mode=0o600)
    files.write_text(file, "x")
    assert file.stat().st_mode & 0o777 == 0o600


def test_what_the_shell_has_opened_is_written_in_place(tmp_path: Path) -> None:
    file = tmp_path / "out.txt"
    program = (
        "from pathlib import Path; from sqlalchemy_asv import files\n"
        "print('printed', flush=True); files.write_text(Path('/dev/stdout'), 'written')"
    )
    for stdout in (subprocess.PIPE, file.open("ab")):
        done = subprocess.run([sys.executable, "-c", program], stdout=stdout, check=True)
        said = file.read_bytes() if done.stdout is None else done.stdout
        assert b"written" in said


def test_a_reader_that_has_gone_is_no_verdict() -> None:
    """Such as `head`: exit code 1 would mean that something is worse."""
    for merged in (False, True):
        read, write = os.pipe()
        os.close(read)
        done = subprocess.run(
            [sys.executable, "-c", "from sqlalchemy_asv import cli; cli.main(['--help'])"],
            stdout=write,
            stderr=write if merged else subprocess.PIPE,
            check=False,
        )
        os.close(write)
        assert done.returncode == 2, done.stderr


def test_what_would_steer_a_terminal_is_replaced() -> None:
    assert errors.printable("a\x1b[2J\x07b\tc\nd → é") == "a\ufffd[2J\ufffdb\tc\nd → é"


def test_a_home_that_cannot_be_written_is_one_line(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    # A file in the place of the folder: permissions do not stop root.
    (tmp_path / "home").touch()
    monkeypatch.setenv("HOME", str(tmp_path / "home"))
    with pytest.raises(SystemExit):
        machine.name_this_machine()
    said = capsys.readouterr().err
    assert "which cannot be written" in said
    assert "set HOME to a folder that can be" in said


def repository(folder: Path, **changed: object) -> None:
    """Make the current folder a repository with two commits and settings of asv."""
    git.git(folder, "init", "--quiet", "--initial-branch", "main")
    for message in ("One", "Two"):
        git.git(folder, *IDENTITY, "commit", "--quiet", "--allow-empty", "-m", message)
    content = {"version": 1, "project": "x", "repo": ".", "branches": ["main"], **changed}
    (folder / "asv.conf.json").write_text(json.dumps(content), encoding="utf-8")


def test_a_clone_that_cannot_be_written_is_one_line(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.chdir(tmp_path)
    repository(tmp_path, env_dir=".asv/env")
    # A file in the place of the folder: permissions do not stop root.
    (tmp_path / ".asv").touch()
    assert f"{tmp_path}/.asv/" in refused(capsys, "compare", "HEAD~1")


@pytest.mark.parametrize("content", [b"{", b"\xff", b'{"version": 2}', b'{"version": 99}', b"[]"])
def test_budgets_name_the_file_that_is_damaged(
    content: bytes,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    monkeypatch.chdir(tmp_path)
    repository(tmp_path, results_dir="results")
    monkeypatch.setattr("sqlalchemy_asv.site.budgets.stated", lambda conf: [])
    commit = git.git(tmp_path, "rev-parse", "HEAD")
    folder = tmp_path / "results" / "here"
    folder.mkdir(parents=True)
    (folder / "machine.json").write_text('{"version": 1, "machine": "here"}', encoding="utf-8")
    file = folder / f"{commit[:8]}-environment.json"
    file.write_bytes(content)
    assert file.name in refused(capsys, "budgets", "HEAD")


# --- settings -------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("changed", "said"),
    [
        ({"repo": 5}, "have 5 for 'repo': it takes a path in quotes"),
        ({"results_dir": ["x"]}, "have ['x'] for 'results_dir': it takes a path in quotes"),
        ({"regressions_thresholds": {"a(": 0.1}}, "'a(' in regressions_thresholds is no regular"),
        (
            {"sqlalchemy_asv": {"metdata": "a"}},
            "name 'metdata' under `sqlalchemy_asv`: did you mean",
        ),
        ({"sqlalchemy_asv": 5}, "have 5 for `sqlalchemy_asv`: it takes {…}"),
        (
            {"sqlalchemy_asv": {"extras": "a"}},
            "have 'a' for 'extras' under `sqlalchemy_asv`: it tak",
        ),
        ({"repo": "/nowhere"}, "name the repository /nowhere, which is not there"),
    ],
)
def test_settings_of_the_wrong_kind_are_named(
    changed: dict[str, object],
    said: str,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    monkeypatch.chdir(tmp_path)
    content = {"version": 1, "project": "x", "repo": ".", "branches": ["main"], **changed}
    Path("asv.conf.json").write_text(json.dumps(content), encoding="utf-8")
    with pytest.raises(SystemExit):
        settings.load("asv.conf.json")
    assert said in capsys.readouterr().err


@pytest.mark.parametrize("content", ["{", "5", '{"version": 1}', "\xff"])
def test_damaged_settings_of_releases_are_named(
    content: str,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    monkeypatch.chdir(tmp_path)
    git.git(".", "init", "--quiet")
    sound = {"version": 1, "project": "x", "repo": ".", "branches": ["main"]}
    Path("asv.conf.json").write_text(json.dumps(sound), encoding="utf-8")
    Path("asv.releases.conf.json").write_bytes(content.encode("latin-1"))
    with pytest.raises(SystemExit):
        settings.with_commits(None, "2.0.0")
    assert "the settings asv.releases.conf.json cannot be read: " in capsys.readouterr().err


# --- git ------------------------------------------------------------------------------------------


def test_without_git_there_is_one_line(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PATH", str(tmp_path))
    with pytest.raises(UserError, match="git is missing: install it"):
        git.insist(tmp_path)


def test_a_clone_of_another_user_says_what_to_do(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    git.git(tmp_path, "init", "--quiet")
    # git's own way of testing its refusal
    monkeypatch.setenv("GIT_TEST_ASSUME_DIFFERENT_OWNER", "1")
    with pytest.raises(UserError, match=r"belongs to another user.*--add safe.directory"):
        git.insist(tmp_path)


def test_a_git_that_fails_is_no_empty_answer(tmp_path: Path) -> None:
    with pytest.raises(UserError, match="git log failed: not a git repository"):
        git.git(tmp_path, "log", "-1")


def test_a_commit_that_a_shallow_clone_lacks(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    first = tmp_path / "first"
    first.mkdir()
    git.git(first, "init", "--quiet", "--initial-branch", "main")
    for message in ("One", "Two"):
        git.git(first, *IDENTITY, "commit", "--quiet", "--allow-empty", "-m", message)
    git.git(tmp_path, "clone", "--quiet", "--depth", "1", first.as_uri(), "second")
    monkeypatch.chdir(tmp_path / "second")
    sound = {"version": 1, "project": "x", "repo": ".", "branches": ["main"]}
    Path("asv.conf.json").write_text(json.dumps(sound), encoding="utf-8")
    conf = settings.load("asv.conf.json")
    with pytest.raises(UserError, match="shallow and lacks HEAD~1: `git fetch --unshallow`"):
        history.commit_hash(conf, "HEAD~1")


def test_changes_that_are_not_committed_are_found(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    git.git(tmp_path, "init", "--quiet")
    (tmp_path / "benchmarks").mkdir()
    for name in ("models.py", "notes.txt", "benchmarks/x.py"):
        (tmp_path / name).write_text("1", encoding="utf-8")
    git.git(tmp_path, "add", "models.py", "benchmarks")
    git.git(tmp_path, *IDENTITY, "commit", "--quiet", "-m", "One")
    assert git.changed(tmp_path, "benchmarks") == []
    for name in ("models.py", "new.py", "benchmarks/x.py"):
        (tmp_path / name).write_text("2", encoding="utf-8")
    assert git.changed(tmp_path, "benchmarks", "/elsewhere") == ["models.py", "new.py"]
    monkeypatch.chdir(tmp_path / "benchmarks")  # as for an application in a subfolder
    assert git.changed(tmp_path, ".") == ["models.py", "new.py"]


SIGNS = """\
#!/bin/sh
cat > /dev/null
case "$*" in
*--verify*)
    echo "gpg: a good signature" >&2
    echo "[GNUPG:] GOODSIG 1 a"
    ;;
*)
    printf '\\n[GNUPG:] SIG_CREATED D\\n' >&2
    echo "-----BEGIN PGP SIGNATURE-----"
    echo "-----END PGP SIGNATURE-----"
    ;;
esac
"""
"""What git needs of a program that signs."""


def test_signatures_that_a_user_has_shown_are_no_output(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    signs = tmp_path / "signs"
    signs.write_text(SIGNS, encoding="utf-8")
    signs.chmod(0o755)
    root = tmp_path / "root"
    git.git(tmp_path, "init", "--quiet", "root")
    (root / "größe.py").write_text("1", encoding="utf-8")
    for name, value in (("log.showSignature", "true"), ("gpg.program", str(signs))):
        git.git(root, "config", name, value)
    git.git(root, "add", ".")
    git.git(root, *IDENTITY, "commit", "--quiet", "--gpg-sign", "-m", "One")
    shown = subprocess.run(
        ["git", "log", "-1", "--format=%s"], cwd=root, capture_output=True, text=True, check=True
    )
    assert shown.stdout != "One\n"  # as git alone says it
    assert git.subject(SimpleNamespace(_path=root), "HEAD") == "One"
    (root / "größe.py").write_text("2", encoding="utf-8")
    assert len(git.commit_of_working_tree(root)) == 40
    monkeypatch.chdir(root)
    assert git.changed(root) == ["größe.py"]


def test_an_error_of_syntax_names_its_file() -> None:
    said = (
        "Traceback (most recent call last):\n"
        '  File "/somewhere/process.py", line 3, in <module>\n'
        '  File "/somewhere/benchmarks/social.py", line 7\n'
        "    class (:\n          ^\n"
        "SyntaxError: invalid syntax\n"
    )
    assert errors.last_line(said) == "benchmarks/social.py:7: SyntaxError: invalid syntax"
    assert errors.last_line("a\nb\n") == "b"


# --- what is left ---------------------------------------------------------------------------------


def test_a_run_ends_all_that_it_has_started(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("tempfile.tempdir", str(tmp_path))
    ended: list[str] = []
    with scratch.run() as folder:
        assert folder.parent == tmp_path
        assert os.environ["TMPDIR"] == str(folder)
        with scratch.run() as same:
            assert same == folder
        scratch.at_end(ended.append, "server")
        child = subprocess.Popen(["sleep", "1234"], start_new_session=True)
    assert ended == ["server"]
    assert child.wait(10) < 0
    assert not folder.exists()


def test_what_a_dead_run_left_is_removed_and_what_a_living_one_has_is_kept(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("tempfile.tempdir", str(tmp_path))
    dead = tmp_path / f"{scratch.PREFIX}dead"
    # Folders and links of somebody's own, however they are called and whatever is in them.
    clone = tmp_path / f"{scratch.PREFIX}main"
    link = tmp_path / f"{scratch.PREFIX}link"
    foreign = tmp_path / "somebody"
    for folder in (dead, clone, foreign):
        folder.mkdir()
        (folder / "lock").touch()
    os.utime(clone, (0, 0))
    (foreign / scratch.MARK).touch()
    link.symlink_to(foreign, target_is_directory=True)
    (dead / scratch.MARK).touch()
    child = subprocess.Popen(["sleep", "1234"], env={**os.environ, "TMPDIR": str(dead)})
    with scratch.run() as living:
        scratch.tidy()
        assert child.poll() is not None
        assert {*tmp_path.iterdir()} == {clone, link, foreign, living}
        assert {*foreign.iterdir()} == {foreign / "lock", foreign / scratch.MARK}


# --- load tests -----------------------------------------------------------------------------------


def test_a_locustfile_that_no_benchmark_names_needs_a_dataset(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv(options.BENCHMARKS, str(ROOT / "benchmarks"))
    file = tmp_path / "mine.py"
    file.touch()
    social = "fixtures.social.dataset"
    assert load.chosen(str(file), social) == (file, social)
    assert load.chosen("feed", None) == (ROOT / "load" / "feed.py", social)
    with pytest.raises(SystemExit, match=r"name the dataset for mine\.py by --dataset: fixtures"):
        load.chosen(str(file), None)
    with pytest.raises(SystemExit, match="there is no load test nonesuch, and no such file"):
        load.chosen("nonesuch", None)


# --- an application's tests -----------------------------------------------------------------------


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (("compare", "--tests", "HEAD~1", "--time", "all"), "--tests takes no --time"),
        (("compare", "--tests", "a", "--scenario", "b"), "--tests takes no --scenario"),
        (("compare", "HEAD~1", "--", "-x"), "arguments for pytest, and --calls, need --tests"),
        (("compare", "HEAD~1", "--calls"), "arguments for pytest, and --calls, need --tests"),
        (("compare", "--tests"), "name BASE and HEAD, or --worktree"),
        (("upgrade",), "name BASE and HEAD, such as sqlalchemy==2.0.58 sqlalchemy==2.1.9"),
        (("upgrade", "sqlalchemy==2.0.9"), "name BASE and HEAD, such as"),
        (
            ("upgrade", "sqlalchemy==2.0.9", "flask==3"),
            "are two packages: name two versions of one",
        ),
        (("upgrade", "sqlalchemy==2", "sqlalchemy=2.1"), "sqlalchemy=2.1 is no requirement: "),
        (("upgrade", "sqlalchemy==2", "nowhere.whl"), "there is no nowhere.whl"),
        (("upgrade", "a", "b", "--base-url", "x"), "--base-url takes no BASE and HEAD"),
        (("upgrade", "--base-url", "x"), "name both servers, by --base-url and --head-url"),
        (("upgrade", "a", "b", "--bisect", "t", "--json", "-"), "--bisect takes no --html"),
        (("upgrade", "a", "b", "--database", "sqlite"), "--database needs --scenario"),
        (("upgrade", "a", "b", "--worktree", "--commit", "c"), "takes the place of --commit"),
        (
            ("upgrade", "--base-url", "x", "--head-url", "y"),
            "--base-url needs --database postgresql or mariadb",
        ),
        (
            ("upgrade", "a", "b", "--scenario", ".", "--", "-x"),
            "scenarios take no arguments for pytest",
        ),
    ],
)
def test_what_does_not_go_with_tests_or_an_upgrade_is_refused(
    arguments: tuple[str, ...], said: str, capsys: pytest.CaptureFixture[str]
) -> None:
    assert said in refused(capsys, *arguments)


def test_a_folder_in_no_repository_has_no_commits_to_compare(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.chdir(tmp_path)
    assert "is in no git repository" in refused(capsys, "compare", "--tests", "HEAD~1")
