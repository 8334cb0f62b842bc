"""What is installed beside this repository: nothing that is not named here and locked with its hash."""

import json
import re
import tomllib
from pathlib import Path
from typing import Any

import pytest

ROOT = Path(__file__).parents[2]
MANIFEST = ROOT / "custom_components" / "sound_guard" / "manifest.json"
PROJECTS = pytest.mark.parametrize("project", [ROOT, ROOT / "training"], ids=["root", "training"])


def toml(path: Path) -> dict[str, Any]:
    return tomllib.loads(path.read_text())


def name_of(requirement: str) -> str:
    match = re.match(r"[A-Za-z0-9._-]+", requirement)
    assert match
    return match[0].lower().replace("_", "-")


def test_a_home_installs_numpy_and_nothing_else() -> None:
    installed = json.loads(MANIFEST.read_text())["requirements"]
    assert installed == toml(ROOT / "pyproject.toml")["project"]["dependencies"]
    assert [name_of(requirement) for requirement in installed] == ["numpy"]


@PROJECTS
def test_every_locked_package_has_the_hashes_of_its_files(project: Path) -> None:
    for package in toml(project / "uv.lock")["package"]:
        if "registry" not in package["source"]:
            assert package["name"].startswith("sound-guard"), f"{package['name']} comes from {package['source']}"
            continue
        files = [*package.get("wheels", []), *([package["sdist"]] if "sdist" in package else [])]
        assert files, f"{package['name']} has no files"
        assert all(file["hash"].startswith("sha256:") for file in files), package["name"]


@PROJECTS
def test_all_packages_come_from_one_place(project: Path) -> None:
    sources = [package["source"] for package in toml(project / "uv.lock")["package"]]
    assert len({source["registry"] for source in sources if "registry" in source}) == 1


@PROJECTS
def test_every_package_that_is_asked_for_is_locked_in_the_version_asked_for(project: Path) -> None:
    described = toml(project / "pyproject.toml")
    groups = [
        described["project"]["dependencies"],
        *described["project"].get("optional-dependencies", {}).values(),
        *described["dependency-groups"].values(),
    ]
    locked: dict[str, set[str]] = {}
    for package in toml(project / "uv.lock")["package"]:
        locked.setdefault(package["name"], set()).add(package.get("version", ""))
    for requirement in (each for group in groups for each in group):
        name, _, version = requirement.partition("==")
        assert name_of(name) in locked, f"{requirement} is not locked"
        assert not version or version in locked[name_of(name)], f"{requirement} is locked in another version"
