"""What is installed elsewhere: the wheel has the code, its SQL, its page and the migrations, and no tests."""

import subprocess
import sys
import zipfile
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]


def test_the_wheel_holds_all_that_runs(tmp_path: Path) -> None:
    built = subprocess.run(
        [sys.executable, "-m", "hatchling", "build", "--target", "wheel", "--directory", str(tmp_path)],
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=False,
    )
    assert built.returncode == 0, built.stdout + built.stderr
    (wheel,) = tmp_path.glob("passhub-*.whl")
    with zipfile.ZipFile(wheel) as archive:
        names = {name for name in archive.namelist() if not name.startswith("passhub-")}
        licence = [name for name in archive.namelist() if name.endswith("licenses/LICENSE")]
    wanted = {p.relative_to(ROOT).as_posix() for kind in ("*.py", "*.sql") for p in (ROOT / "hub").rglob(kind)}
    wanted |= {p.relative_to(ROOT).as_posix() for p in (ROOT / "hub/live/page").rglob("*") if p.is_file()}
    wanted |= {f"hub/_migrations/{path.name}" for path in (ROOT / "migrations").iterdir()}
    assert licence
    assert "hub/live/page/index.html" in names
    assert wanted | {"hub/py.typed"} <= names
    assert {name.split("/")[0] for name in names} == {"hub"}
