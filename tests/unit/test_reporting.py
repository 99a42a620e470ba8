import json
import os
import re
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
from asv import util
from asv.commands.compare import Compare
from asv.machine import Machine, MachineCollection
from asv.util import UserError
from sqlalchemy_asv.asv_ext import commands, history, machine, whole
from sqlalchemy_asv.site import budgets, offline
from sqlalchemy_asv.site.improvements import improvements

from maintenance import repeatability

ROOT = Path(__file__).parents[2]


@pytest.fixture
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("HOME", str(tmp_path))
    return tmp_path


def test_a_first_run_has_a_machine_that_tells_no_name(home: Path) -> None:
    machine.name_this_machine()
    found = Machine.load(interactive=True)
    host = os.uname().nodename
    assert found.machine == machine.this_machine()
    assert found.machine.endswith("cpu")
    assert host not in json.dumps(found.__dict__)


def conf(folder: Path) -> Any:
    return SimpleNamespace(results_dir=str(folder))


def test_a_machine_named_by_its_owner_is_left_alone(home: Path) -> None:
    MachineCollection.save("mine", {"machine": "mine"})
    before = (home / ".asv-machine.json").read_text()
    machine.name_this_machine()
    assert (home / ".asv-machine.json").read_text() == before


@pytest.mark.parametrize(("asked", "used"), [(None, "here"), ("there", "there")])
def test_compare_means_this_machine_unless_told(
    home: Path, tmp_path: Path, asked: str | None, used: str
) -> None:
    MachineCollection.save(Machine.get_unique_machine_name(), {"machine": "here"})
    for name in ("here", "there"):
        (tmp_path / name).mkdir()
        (tmp_path / name / "machine.json").write_text("{}")
    seen: list[Any] = []
    compare = commands._compare(lambda **given: seen.append(given["machine"]))
    compare(conf=conf(tmp_path), machine=asked, hash_1="a", hash_2="b")
    assert seen == [used]


def test_compare_without_results_of_this_machine_is_left_to_asv(home: Path, tmp_path: Path) -> None:
    MachineCollection.save(Machine.get_unique_machine_name(), {"machine": "here"})
    seen: list[Any] = []
    compare = commands._compare(lambda **given: seen.append(given["machine"]))
    compare(conf=conf(tmp_path), hash_1="a", hash_2="b")
    assert seen == [None]
    assert callable(Compare.run)


# --- improvements ---------------------------------------------------------------------------------

Step = tuple[int, int, float, float, float]


def steps(*values: float, error: float = 0.0) -> list[Step]:
    """Steps of three revisions each."""
    return [(3 * i, 3 * i + 3, v, v, error) for i, v in enumerate(values)]


def test_a_fall_is_an_improvement() -> None:
    assert improvements(steps(10.0, 5.0), 0.05) == [(2, 3, 10.0, 5.0)]


def test_a_fall_within_threshold_or_noise_is_none() -> None:
    assert improvements(steps(10.0, 9.8), 0.05) == []
    assert improvements(steps(10.0, 8.0, error=3.0), 0.05) == []
    assert improvements(steps(10.0), 0.05) == []
    assert improvements([], 0.05) == []


def test_undoing_a_regression_is_no_improvement() -> None:
    assert improvements(steps(5.0, 10.0, 5.0), 0.05) == []
    assert improvements(steps(5.0, 10.0, 4.0), 0.05) == [(5, 6, 5.0, 4.0)]


def test_two_falls_are_two_improvements() -> None:
    assert improvements(steps(20.0, 10.0, 5.0), 0.05) == [(2, 3, 20.0, 10.0), (5, 6, 10.0, 5.0)]


# --- the offline site -----------------------------------------------------------------------------


def site(tmp_path: Path, html: str) -> Any:
    (tmp_path / "html").mkdir()
    (tmp_path / "html" / "index.html").write_text(html)
    npm = tmp_path / "npm"
    packages = [*offline.ASSETS.values(), (offline.FONTS[0], offline.FONTS[1] + "/font")]
    for package, path in packages:
        file = npm / "node_modules" / package.rpartition("@")[0] / path
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_text("content")
    every = [*offline.ASSETS.values(), *offline.LIBRARIES, offline.FONTS]
    wanted = sorted({package for package, _ in every})
    (npm / "installed.txt").write_text("\n".join(wanted))
    return SimpleNamespace(html_dir=str(tmp_path / "html"), env_dir=str(tmp_path / "env"))


def test_scripts_are_local_and_a_checksum_stays_only_where_it_holds(tmp_path: Path) -> None:
    wrong = '<script src="https://cdn.invalid/jquery-3.3.1.min.js" integrity="sha256-AAAA="'
    right = '<script src="https://cdn.invalid/blueimp-md5/2.19.0/js/md5.min.js" integrity="'
    digest = "sha256-7XACtDnprIRfIjV9giusFERzD722AW0+yUMil7nsn3M="
    anonymous = ' crossorigin="anonymous"></script>'
    conf = site(tmp_path, wrong + anonymous + right + digest + '"' + anonymous)
    offline.Offline.publish(conf, None, None, None, None)
    html = (tmp_path / "html" / "index.html").read_text()
    assert html == (
        '<script src="vendor/js/jquery.min.js"></script>'
        f'<script src="vendor/js/md5.min.js" integrity="{digest}"></script>'
    )
    assert (tmp_path / "html" / "vendor" / "js" / "jquery.min.js").exists()


@pytest.mark.parametrize(
    "tag",
    [
        '<script src="https://cdn.invalid/new.js" crossorigin="anonymous"></script>',
        '<link rel="stylesheet" href="https://cdn.invalid/new.css">',
    ],
)
def test_a_script_without_a_package_is_named(tmp_path: Path, tag: str) -> None:
    with pytest.raises(UserError, match=r"would load https://cdn\.invalid/new\..*: add its pack"):
        offline.Offline.publish(site(tmp_path, tag), None, None, None, None)


def test_without_npm_there_is_one_line(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("shutil.which", lambda *_, **__: None)
    with pytest.raises(
        UserError, match=r"npm is missing: install Node\.js, or install sqlalchemy-asv"
    ):
        offline.fetch(tmp_path / "npm")


# --- repeatability ------------------------------------------------------------------------------


def counts(**values: float) -> dict[tuple[str, str], float]:
    return {(f"social.HomeFeed.track_{metric}", "0"): value for metric, value in values.items()}


@pytest.mark.parametrize(
    ("runs", "code"),
    [
        ([counts(calls=100), counts(calls=100)], 0),
        ([counts(calls=100), counts(calls=101)], 1),
        ([counts(instructions=10_000), counts(instructions=10_009)], 0),
        ([counts(instructions=10_000), counts(instructions=10_011)], 1),
        ([counts(allocated=1_000), counts(allocated=1_009)], 0),
        ([counts(allocated=1_000), counts(allocated=1_011)], 1),
        ([counts(instructions_driver=10.0), counts(instructions_driver=10.01)], 0),
        ([counts(instructions_driver=10.0), counts(instructions_driver=10.05)], 1),
        ([counts(calls=100, rows=1), counts(calls=100)], 1),
        ([counts(rows=0), counts(rows=0)], 0),
        ([{}, {}], 2),
    ],
)
def test_repeatability_allows_what_the_metric_allows(
    home: Path, monkeypatch: pytest.MonkeyPatch, runs: list[Any], code: int
) -> None:
    remaining = iter(runs)
    monkeypatch.setattr(repeatability, "measure", lambda commit, bench: next(remaining))
    assert repeatability.main(["--runs", str(len(runs))]) == code


def test_repeatability_without_a_commit_is_one_line(
    home: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.chdir(ROOT)
    assert repeatability.main(["nonsense"]) == 2
    captured = capsys.readouterr().err
    assert captured == (
        "sqlalchemy-asv: there is no commit nonsense: name one that git knows, or a release of"
        " which `sqlalchemy-asv releases` has made one\n"
    )


def test_damaged_results_are_named_in_a_line(tmp_path: Path) -> None:
    whole.apply()
    results = ROOT / "results" / "commits" / "reference"
    (recorded,) = results.glob("531fddde-*.json")
    folder = tmp_path / "reference"
    folder.mkdir()
    folder.joinpath("machine.json").write_bytes((results / "machine.json").read_bytes())
    conf = SimpleNamespace(results_dir=str(tmp_path))
    copy = folder / recorded.name
    copy.write_bytes(recorded.read_bytes())
    commit: str = json.loads(recorded.read_text(encoding="utf-8"))["commit_hash"]
    assert len(history.results_of(conf, "reference", commit)) == 1
    sound = json.loads(recorded.read_text(encoding="utf-8"))
    name = next(iter(sound["results"]))
    odd = {**sound, "results": {name: [["many"], *sound["results"][name][1:]]}}
    newer = {**sound, "version": 99}
    machine = folder / "machine.json"
    for file, damaged, said in (
        (copy, b"{", f"{copy.name} is damaged: .*: remove it, and measure again"),
        (copy, b'{"version": 2}', f"{copy.name}.*missing key .*: remove it, and measure again"),
        (copy, b"\xff\xfe", f"{copy.name} is damaged: .*: remove it, and measure again"),
        (copy, b"[1]", f"No version specified in .*{copy.name}"),
        (copy, json.dumps(odd).encode(), f"{copy.name} is damaged: .* has the value 'many'"),
        (copy, json.dumps(newer).encode(), f"{copy.name} .* newer than .* Update asv"),
        (machine, b"{", "machine.json is damaged: "),
        (machine, b"5", "machine.json is damaged: "),
    ):
        before = file.read_bytes()
        file.write_bytes(damaged)
        with pytest.raises(UserError, match=said):
            history.results_of(conf, "reference", commit)
        file.write_bytes(before)


@pytest.mark.parametrize("name", ["commits", "releases"])
def test_pages_know_all_that_is_recorded(name: str) -> None:
    """asv shows results of the benchmarks in `benchmarks.json` alone, and of their versions."""
    folder = ROOT / "results" / name
    known = json.loads((folder / "benchmarks.json").read_text(encoding="utf-8"))
    unknown = set()
    for file in folder.glob("*/*-virtualenv-*.json"):
        found = json.loads(file.read_text(encoding="utf-8"))
        version = found["result_columns"].index("version")
        unknown |= {
            benchmark
            for benchmark, values in found["results"].items()
            if known.get(benchmark, {}).get("version") != values[version]
        }
    assert unknown == set()


def test_the_readmes_comparison_is_that_of_the_results() -> None:
    """`asv compare` itself may lack the commits, as in a shallow clone."""
    readme = (ROOT / "README.md").read_text(encoding="utf-8")
    (before, after), *_ = re.findall(r"asv compare --machine reference \S+ (\w+) (\w+)", readme)
    rows = re.findall(r"^\| [-+] +\| (\S+) +\| (\S+) +\| +\S+ +\| (\S+) +\|$", readme, re.MULTILINE)
    assert len(rows) == 4
    human_value = commands._human_value(util.human_value)
    folder = ROOT / "results" / "commits"
    units = json.loads((folder / "benchmarks.json").read_text(encoding="utf-8"))
    for *printed, benchmark in rows:
        for commit, text in zip((before, after), printed, strict=True):
            (file,) = (folder / "reference").glob(f"{commit}-*.json")
            ((value,), *_) = json.loads(file.read_text(encoding="utf-8"))["results"][benchmark]
            assert human_value(value, units[benchmark]["unit"]) == text, benchmark


def test_a_limit_of_load_tests_on_an_operation_is_not_measured() -> None:
    name = "shop.Order.time_wall"
    results: Any = SimpleNamespace(
        get_result_keys=lambda benchmarks: [name] if benchmarks else [],
        get_result_params=lambda _: [],
        get_result_value=lambda *_: [0.1],
        get_result_samples=lambda *_: [[0.1, 0.2]],
    )
    asked = [
        {"scenario": "shop.Order", "benchmark": name, "figure": figure, "limit": 1}
        for figure in ("average", "mean")
    ]
    found = [(each.value, each.why) for each in budgets.verdicts(results, asked, {name: {}})]
    assert found == [(None, "a figure of load tests alone"), (pytest.approx(0.15), "")]
    of_another_version = budgets.verdicts(results, asked, {})
    assert [each.why for each in of_another_version] == ["never run", "never run"]
