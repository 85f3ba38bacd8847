"""Builds the pages in docs/_build/html and runs their examples; a warning is an error.

python docs/build.py            # about a minute; the last line says "docs: 0 warnings"
python docs/build.py --links    # only asks whether every external link answers (needs the network)
"""

import argparse
import subprocess
import sys
from pathlib import Path

HERE = Path(__file__).parent
BUILD = HERE / "_build"


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--links", action="store_true")
    if parser.parse_args().links:
        return sphinx("linkcheck")[0]
    ended = [sphinx("html"), sphinx("doctest")]
    print(f"docs: {sum(warnings for _, warnings in ended)} warnings", flush=True)
    return max(code for code, _ in ended)


def sphinx(builder: str) -> tuple[int, int]:
    """Exit status and number of warnings of one builder; the builders share what they read."""
    BUILD.mkdir(exist_ok=True)
    warnings = BUILD / f"{builder}.warnings"
    command = [sys.executable, "-m", "sphinx", "-b", builder, "--fail-on-warning", "--keep-going", "--quiet"]
    command += [
        "--doctree-dir",
        str(BUILD / "doctrees"),
        "--warning-file",
        str(warnings),
        str(HERE),
        str(BUILD / builder),
    ]
    code = subprocess.run(command).returncode
    return code, sum("WARNING" in line or "ERROR" in line for line in warnings.read_text(encoding="utf-8").splitlines())


if __name__ == "__main__":
    sys.exit(main())
