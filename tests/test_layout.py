"""The house stands as the design draws it."""

import platform
import subprocess
import sys
import tomllib
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]
TOP = {
    "manage.py", "pyproject.toml", "platform", "studies", "raters", "leaderboards", "templates",
    "tests", "README.md",
}  # fmt: skip


def test_the_top_level_is_as_given() -> None:
    assert {path.name for path in ROOT.iterdir()} >= TOP


def test_the_folder_platform_does_not_hide_the_standard_library() -> None:
    modules = [path.name for path in (ROOT / "platform").iterdir() if path.suffix == ".py"]
    assert modules == []
    assert platform.python_version() == sys.version.split()[0]


def test_manage_py_runs_from_another_directory(tmp_path: Path) -> None:
    done = subprocess.run(
        [sys.executable, str(ROOT / "manage.py"), "help"],
        cwd=tmp_path,
        capture_output=True,
        text=True,
        check=True,
    )
    for command in ("demo", "import_comparisons", "boards", "take_board", "verify_board", "bench"):
        assert command in done.stdout


def test_lock_files_hold_hashes_and_no_addresses() -> None:
    for name in ("requirements.txt", "requirements-dev.txt"):
        content = (ROOT / name).read_text()
        assert "--hash=sha256:" in content
        assert "://" not in content
        assert "index-url" not in content


def test_what_is_installed_with_the_product_is_a_part_of_what_developers_install() -> None:
    def pins(name: str) -> set[str]:
        lines = (ROOT / name).read_text().splitlines()
        return {line.split()[0] for line in lines if "==" in line and not line.startswith(" ")}

    assert pins("requirements.txt") <= pins("requirements-dev.txt")


def test_the_readme_is_short() -> None:
    assert len((ROOT / "README.md").read_text().splitlines()) < 150


def test_pyproject_is_the_only_configuration_file() -> None:
    assert tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]["name"] == "hustings"
    others = ("setup.cfg", "setup.py", "tox.ini", "pytest.ini", "mypy.ini", ".flake8", "ruff.toml")
    assert [name for name in others if (ROOT / name).exists()] == []
