"""The release: what is built, installed alone, and used."""

import os
import subprocess
import sys
import tomllib
import venv
import zipfile
from pathlib import Path

import pytest
import yaml

import reinas

ROOT = Path(__file__).parents[1]


def build(folder):
    """Both distributions, of a copy of what git has and what is new."""
    command = [sys.executable, "-m", "build", "--no-isolation", "--outdir", str(folder), str(ROOT)]
    environment = os.environ | {"SOURCE_DATE_EPOCH": "1700000000"}
    done = subprocess.run(command, capture_output=True, text=True, env=environment)
    assert done.returncode == 0, done.stderr[-2000:]
    return {path.suffix: path for path in Path(folder).iterdir()}


@pytest.fixture(scope="module")
def built(tmp_path_factory):
    return build(tmp_path_factory.mktemp("dist"))


@pytest.mark.xdist_group("release")
def test_the_wheel_has_the_package_and_nothing_else(built):
    """Every module, the marker of types, the licence; no tests."""
    names = zipfile.ZipFile(built[".whl"]).namelist()
    modules = {str(p.relative_to(ROOT / "src")) for p in (ROOT / "src" / "reinas").rglob("*.py")}
    assert modules <= set(names)
    assert "reinas/py.typed" in names
    assert {name.partition("/")[0] for name in names} == {
        "reinas",
        f"reinas-{reinas.__version__}.dist-info",
    }
    assert any(name.endswith("licenses/LICENSE") for name in names)


@pytest.mark.xdist_group("release")
def test_the_wheel_is_the_same_when_it_is_built_again(built, tmp_path):
    """To the last byte."""
    assert build(tmp_path)[".whl"].read_bytes() == built[".whl"].read_bytes()


@pytest.mark.xdist_group("release")
def test_the_wheel_is_installed_and_used_alone(built, tmp_path):
    """In an empty environment, without extras: a fit on a small file, and its network."""
    venv.create(tmp_path / "env", with_pip=True)
    python = tmp_path / "env" / "bin" / "python"
    pip = [str(python), "-m", "pip", "install", "--quiet", "--disable-pip-version-check"]
    pins = ["-c", str(ROOT / "constraints.txt")]
    environment = {k: v for k, v in os.environ.items() if k != "PYTHONPATH"}
    done = subprocess.run(
        [*pip, *pins, str(built[".whl"])], capture_output=True, text=True, env=environment
    )
    assert done.returncode == 0, done.stderr[-2000:]
    rows = ["a,b,y", *(f"{n % 11},{n % 5},{'yes' if n % 11 > 5 else 'no'}" for n in range(120))]
    (tmp_path / "t.csv").write_text("\n".join(rows))
    command = [str(python), "-m", "reinas.cli", "fit", "table:t.csv", "--target", "y"]
    done = subprocess.run(
        [*command, "--minutes", "0.3", "--to", "net"],
        cwd=tmp_path,
        capture_output=True,
        text=True,
        env=environment,
    )
    assert done.returncode == 0, done.stderr[-2000:]
    assert "accuracy" in done.stdout
    page = (tmp_path / "net" / "report.html").read_text()
    assert 'id="documents"' in page
    assert len(page) < 1_000_000  # without Plotly, which it says where charts would be
    code = "import reinas; print(reinas.load('net').predict([{'a': 9, 'b': 1}]))"
    done = subprocess.run(
        [str(python), "-c", code], cwd=tmp_path, capture_output=True, text=True, env=environment
    )
    assert done.stdout.strip() in ("['yes']", "['no']"), done.stderr


def test_the_citation_is_of_this_version():
    """Its fields are those that tools read."""
    citation = yaml.safe_load((ROOT / "CITATION.cff").read_text())
    assert citation["version"] == reinas.__version__
    assert {"cff-version", "message", "title", "authors", "license"} <= citation.keys()


def test_the_workflow_and_the_templates_are_read():
    """As YAML; the matrix has the Pythons that the package says it runs on."""
    for path in [*(ROOT / ".github").rglob("*.yml"), ROOT / ".pre-commit-config.yaml"]:
        assert yaml.safe_load(path.read_text())
    workflow = yaml.safe_load((ROOT / ".github" / "workflows" / "ci.yml").read_text())
    matrix = workflow["jobs"]["systems"]["strategy"]["matrix"]
    project = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]
    named = {c.rpartition(" ")[2] for c in project["classifiers"] if "Python :: 3." in c}
    assert set(matrix["python"]) == named


def test_the_lowest_versions_are_those_of_the_package():
    """constraints-lowest.txt pins what pyproject.toml asks for at least."""
    project = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]
    lowest = dict(
        line.split("==")
        for line in (ROOT / "constraints-lowest.txt").read_text().splitlines()
        if "==" in line
    )
    for extra in ("images", "report", "pandas"):
        project["dependencies"] += project["optional-dependencies"][extra]
    for wanted in project["dependencies"]:
        name, least = wanted.split(">=")
        found = lowest[name]
        assert found == least or found.startswith(f"{least}."), wanted
