"""The wheel holds the package, all of it and nothing else, and imports from there."""

import os
import subprocess
import sys
import zipfile
from pathlib import Path

ROOT = Path(__file__).parent.parent


def test_wheel_holds_the_package_and_imports(tmp_path: Path) -> None:
    source = tmp_path / "source"
    source.mkdir()
    for name in ("pyproject.toml", "README.md", "LICENSE", "smcrep", "datasets", "experiments"):
        (source / name).symlink_to(ROOT / name)  # the build writes beside its source
    build = [
        sys.executable,
        "-m",
        "build",
        "--wheel",
        "--no-isolation",
        "--outdir",
        str(tmp_path / "dist"),
        str(source),
    ]
    subprocess.run(build, check=True, capture_output=True)
    (wheel,) = (tmp_path / "dist").glob("smcrep-*.whl")
    with zipfile.ZipFile(wheel) as archive:
        names = set(archive.namelist())
        archive.extractall(tmp_path / "site")
    packaged = {n for n in names if n.startswith("smcrep/")}
    data = {"smcrep/py.typed", "smcrep/pretraining/ycb.json", "smcrep/probes/collapse/known_cures.json"}
    assert {str(p.relative_to(ROOT)) for p in (ROOT / "smcrep").rglob("*.py")} | data == packaged
    assert {n.split("/")[0] for n in names - packaged} == {f"smcrep-{wheel.name.split('-')[1]}.dist-info"}
    code = "import smcrep; print(smcrep.__file__, smcrep.__version__)"
    environment = os.environ | {"PYTHONPATH": str(tmp_path / "site")}
    done = subprocess.run(
        [sys.executable, "-c", code], check=True, capture_output=True, text=True, env=environment, cwd=tmp_path
    )
    file, version = done.stdout.split()
    assert Path(file).is_relative_to(tmp_path / "site")
    assert version == wheel.name.split("-")[1]
