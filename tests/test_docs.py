"""What the documents say is so."""

import doctest
import re
import subprocess
import sys
import tomllib
from pathlib import Path

import pytest

import reinas

ROOT = Path(__file__).parent.parent
PAGES = sorted([*ROOT.glob("*.md"), *ROOT.glob("docs/*.md")])


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


def test_the_example_program_runs(tmp_path):
    """And finds one of its six architectures."""
    done = subprocess.run(
        [sys.executable, str(ROOT / "examples/own_space.py")],
        cwd=tmp_path,
        capture_output=True,
        text=True,
        check=True,
    )
    assert done.stdout.startswith("best of 6 architectures: Bottleneck(width=")
    assert not list(tmp_path.iterdir())


def test_the_korean_readme_has_the_same_commands():
    """Every line of every shell block, without its comment."""

    def commands(name):
        blocks = re.findall(r"```sh\n(.*?)```", (ROOT / name).read_text(encoding="utf-8"), re.S)
        return [line.partition("#")[0].strip() for block in blocks for line in block.splitlines()]

    assert commands("README.ko.md") == commands("README.md")


def test_every_command_of_the_readme_exists(capsys):
    """Sub-commands, spaces, tasks, policies and settings as the README types them."""
    from reinas.cli.app import app
    from reinas.config.objects import configure
    from reinas.config.settings import parse_set

    text = (ROOT / "README.md").read_text(encoding="utf-8")
    known = {command.name or command.callback.__name__ for command in app.registered_commands}
    assert set(re.findall(r"^reinas (\w+)", text, re.M)) <= known
    assert set(re.findall(r"; reinas (\w+)", text)) <= known
    files = ("images:", "arrays:", "table:", "text:", ":folder")
    for line in re.findall(r"^reinas search (.*)", text, re.M):
        if any(word in line for word in files):
            continue  # there is nothing to read here
        words = line.partition("#")[0]
        space = re.match(r"(?!-)(\S+)", words)
        task = re.search(r"--task (\S+)", words)
        names = [f"space={space[1]}"] * bool(space) + [f"task={task[1] if task else ''}"] * bool(
            task
        )
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
