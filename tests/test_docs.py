"""What the documents say is so."""

import ast
import doctest
import json
import os
import re
import subprocess
import sys
import tomllib
from pathlib import Path

import pytest

import reinas

ROOT = Path(__file__).parent.parent
PAGES = sorted([*ROOT.glob("*.md"), *ROOT.glob("docs/*.md")])
EXAMPLES = sorted(ROOT.glob("examples/*.py"))
LONGER = {"own_policy.py": 23, "own_photographs.py": 18, "export.py": 18}
LONGER |= {"comparison.py": 17, "own_table.py": 17}
"""A whole policy with its state; photographs that are made first; every way to take it away."""
DOCUMENTED = (ast.Module, ast.ClassDef, ast.FunctionDef)


def python_blocks(page):
    """The page's programs."""
    return re.findall(r"```python\n(.*?)```", (ROOT / page).read_text(encoding="utf-8"), re.S)


BLOCKS = python_blocks("README.md")
GUIDE = python_blocks("docs/extending.md")


@pytest.mark.parametrize("page", PAGES, ids=lambda p: p.name)
def test_links_lead_somewhere(page):
    """Every relative link and picture of a page exists."""
    text = page.read_text(encoding="utf-8")
    targets = re.findall(r"\]\(([^)#]+)\)", text) + re.findall(r'src="([^"]+)"', text)
    local = [t for t in targets if "://" not in t]
    missing = [t for t in local if not (page.parent / t).exists()]
    assert not missing


def test_the_page_about_the_paper_names_files_that_exist():
    """Modules below src/reinas and tests below tests, each row of the table."""
    rows = [
        [cell.strip() for cell in line.split("|")[1:-1]]
        for line in (ROOT / "docs/paper.md").read_text(encoding="utf-8").splitlines()
        if line.startswith("| ") and not line.startswith("| ---")
    ][1:]
    assert len(rows) > 15
    for row in rows:
        for column, base in ((2, ROOT / "src/reinas"), (3, ROOT / "tests")):
            for name in re.findall(r"`?((?:\w+/)*\w+\.py|(?:\w+/)+)(?=[:`\s,]|$)", row[column]):
                assert (base / name).exists(), (row[0], name)


def test_the_examples_in_the_documents_are_right():
    """The pages' own interpreter sessions, run."""
    for page in PAGES:
        failed, _ = doctest.testfile(str(page), module_relative=False)
        assert failed == 0


def written(blocks, folder):
    """One program per block."""
    folder.mkdir()
    programs = [folder / f"block{number}.py" for number in range(1, len(blocks) + 1)]
    for program, block in zip(programs, blocks, strict=True):
        program.write_text(block, encoding="utf-8")
    return programs


def ran(programs, folder, report):
    """What each program printed in the folder, and its traceback; one process for all."""
    command = [sys.executable, "-W", "error", str(ROOT / "tests/run_programs.py"), str(report)]
    folder.mkdir()
    done = subprocess.run([*command, *map(str, programs)], cwd=folder, capture_output=True)
    assert done.returncode == 0, done.stderr.decode()
    return json.loads(report.read_text(encoding="utf-8"))


@pytest.fixture(scope="module")
def run_blocks(tmp_path_factory):
    """The README's Python blocks, run in their order among the files that they use."""
    here = tmp_path_factory.mktemp("readme")
    shorter = [re.sub(r"trials=\d+", "trials=3", block) for block in BLOCKS]
    shorter = [re.sub(r"minutes=\d+", "minutes=0.4", block) for block in shorter]
    programs = [ROOT / "tests/readme_files.py", *written(shorter, here / "programs")]
    return ran(programs, here / "run", here / "report.json")


@pytest.fixture(scope="module")
def run_guide(tmp_path_factory):
    """The Python blocks of docs/extending.md, run."""
    here = tmp_path_factory.mktemp("guide")
    return ran(written(GUIDE, here / "programs"), here / "run", here / "report.json")


@pytest.fixture(scope="module")
def run_examples(tmp_path_factory):
    """Every program of examples/, run, and the folder where it ran."""
    here = tmp_path_factory.mktemp("examples")
    return ran(EXAMPLES, here / "run", here / "report.json"), here / "run"


@pytest.mark.xdist_group("readme")
def test_groups_stay_together(request):
    """pytest and pytest-xdist agree on how: a group's name is at the end of its tests' names."""
    if not getattr(request.config.option, "loadgroup", False):
        pytest.skip("these workers have no groups")
    assert request.node.nodeid.endswith("@readme")


@pytest.mark.xdist_group("readme")
@pytest.mark.parametrize("number", range(1, len(BLOCKS) + 1))
def test_the_readme_s_programs_run(number, run_blocks):
    """Each Python block, with 3 trials per search."""
    assert run_blocks["readme_files.py"][1] is None
    printed, failure = run_blocks[f"block{number}.py"]
    assert failure is None, failure
    assert printed


@pytest.mark.xdist_group("guide")
@pytest.mark.parametrize("number", range(1, len(GUIDE) + 1))
def test_the_guide_s_programs_run(number, run_guide):
    """Each Python block of docs/extending.md, on its own."""
    failure = run_guide[f"block{number}.py"][1]
    assert failure is None, failure


@pytest.mark.xdist_group("examples")
@pytest.mark.parametrize("program", EXAMPLES, ids=lambda p: p.name)
def test_the_example_programs_run(program, run_examples):
    """Each prints the best of its search."""
    printed, failure = run_examples[0][program.name]
    assert failure is None, failure
    assert printed.startswith("best")


@pytest.mark.xdist_group("examples")
def test_the_example_programs_leave_nothing_behind(run_examples):
    """They keep their searches in memory."""
    assert not list(run_examples[1].iterdir())


@pytest.mark.parametrize("program", EXAMPLES, ids=lambda p: p.name)
def test_the_example_programs_are_short(program):
    """15 lines of code at most, without blank lines, docstrings and comments."""
    text = program.read_text(encoding="utf-8")
    counted = set(range(1, len(text.splitlines()) + 1))
    for node in ast.walk(ast.parse(text)):
        if isinstance(node, DOCUMENTED) and ast.get_docstring(node) is not None:
            counted -= set(range(node.body[0].lineno, node.body[0].end_lineno + 1))
    lines = [text.splitlines()[number - 1].strip() for number in sorted(counted)]
    code = [line for line in lines if line and not line.startswith("#")]
    assert len(code) <= LONGER.get(program.name, 15)


def test_the_programs_have_no_type_errors(tmp_path):
    """`mypy --strict` on the Python blocks of README and guide and on examples/, in one process."""
    blocks = [*BLOCKS, *GUIDE]
    programs = [*written(blocks, tmp_path / "programs"), *EXAMPLES]
    command = [sys.executable, "-m", "mypy", "--strict", "--config-file", "pyproject.toml"]
    source = {"MYPYPATH": str(ROOT / "src")}
    done = subprocess.run(
        [*command, *map(str, programs)],
        cwd=ROOT,
        env=os.environ | source,
        capture_output=True,
        text=True,
    )
    assert done.returncode == 0, done.stdout + done.stderr


def test_the_korean_readme_has_the_same_commands():
    """Every line of every shell block, without its comment."""

    def commands(name):
        blocks = re.findall(r"```sh\n(.*?)```", (ROOT / name).read_text(encoding="utf-8"), re.S)
        return [line.partition("#")[0].strip() for block in blocks for line in block.splitlines()]

    assert commands("README.ko.md") == commands("README.md")


def test_the_korean_readme_has_the_same_programs():
    """Every line of every Python block, without its comment."""

    def programs(name):
        blocks = re.findall(r"```python\n(.*?)```", (ROOT / name).read_text(encoding="utf-8"), re.S)
        return [re.sub(r" *#.*", "", block) for block in blocks]

    assert programs("README.ko.md") == programs("README.md")


def test_every_command_of_the_readme_exists(capsys):
    """Sub-commands, spaces, tasks, policies and settings as the README types them."""
    from reinas.cli.app import app
    from reinas.config.objects import configure
    from reinas.config.settings import parse_set

    text = (ROOT / "README.md").read_text(encoding="utf-8")
    known = {command.name or command.callback.__name__ for command in app.registered_commands}
    assert set(re.findall(r"^reinas (\w+)", text, re.M)) <= known
    assert set(re.findall(r"; reinas (\w+)", text)) <= known
    files = ("images:", "arrays:", "table:", "text:", ":folder", "mypackage.")
    for line in re.findall(r"^reinas search (.*)", text, re.M):
        if any(word in line for word in files):
            continue  # there is nothing to read here
        words = line.partition("#")[0]
        space = re.match(r"(?!-)(\S+)", words)
        task = re.search(r"--task (\S+)", words)
        names = [f"space={space[1]}"] if space else []
        names += [f"task={task[1]}"] if task else []
        policy = re.search(r"--policy (\S+)", words)
        names += [f"policy={policy[1]}"] if policy else []
        assert configure(parse_set([*names, *re.findall(r"--set (\S+)", words)]))


def test_the_version_is_the_same_everywhere():
    """In the package, in pyproject.toml and in the changelog."""
    project = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]
    assert project["version"] == reinas.__version__
    assert f"## {reinas.__version__}" in (ROOT / "CHANGELOG.md").read_text()


def test_every_dependency_is_pinned():
    """constraints.txt has a version for each."""
    project = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]
    pinned = {
        line.partition("==")[0].lower()
        for line in (ROOT / "constraints.txt").read_text().splitlines()
    }
    extras = project["optional-dependencies"]
    wanted = {*project["dependencies"]}.union(*extras.values())
    assert {re.match(r"[\w-]+", name)[0].lower() for name in wanted} <= pinned


def test_every_pin_has_its_hashes():
    """hashes.txt is constraints.txt with hashes, but for torch, whose files differ by device."""
    text = (ROOT / "hashes.txt").read_text().replace(" \\\n", " ")
    rows = [line.split() for line in text.splitlines() if not line.startswith("#")]
    assert all(
        re.fullmatch(r"--hash=sha256:[0-9a-f]{64}", word) for row in rows for word in row[1:]
    )
    assert all(len(row) > 1 for row in rows)
    pins = set((ROOT / "constraints.txt").read_text().splitlines())

    def plain(lines):
        return {line.partition(";")[0].strip().lower().replace("_", "-") for line in lines}

    torch = {pin for pin in plain(pins) if pin.startswith("torch==")}
    assert plain(row[0] for row in rows) == plain(pins) - torch
