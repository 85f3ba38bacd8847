"""Does any input make a reader answer otherwise than with what it read, or with one line?

    pip install atheris                                       # Linux; not among our extras
    python tests/fuzz/fuzz_readers.py --minutes 30 --out runs/fuzz

libFuzzer (through atheris) mutates small valid files of every format that smcrep reads, keeps those that reach new
edges of smcrep's and trimesh's code, and hands each to the public reader. A finding is any exception but a ValueError
of one line with a remedy, a crash, more than SECONDS, or memory beyond MEMORY; one a place of the code. In --out stay
findings/ (the input, the traceback), corpus/ (taken up again by the next run), claims/faults.json.
"""

import argparse
import json
import os
import re
import resource
import subprocess
import sys
import tempfile
import time
import traceback
from pathlib import Path
from typing import Any

ROOT = Path(__file__).parents[2]
SECONDS = 20
MEMORY = 1 << 30  # beyond what the process takes before the first input
MENDED = json.loads(Path(__file__).with_name("mended.json").read_text())
TOKENS = [
    *("OFF", "COFF", "nan", "inf", "1e308", "-1", "0", "4294967295", "1000000000000", "1e999", "null", "[]", "{}"),
    *("element vertex ", "element face ", "property list uchar int vertex_indices", "property float x", "end_header"),
    *("format ascii 1.0", "format binary_little_endian 1.0", "comment TextureFile ", "mtllib ", "map_Kd ", "usemtl "),
    *("../../../../etc/passwd", "/etc/passwd", "f 1/1/1 2/2/2 3/3/3", "vt 0 0", "solid", "endsolid", "facet normal"),
    *('"count":', '"byteLength":', '"byteOffset":', '"byteStride":', '"uri":', '"data:;base64,"', '"sparse":{}'),
    *(
        '"version":',
        '"shape":',
        '"dtype":',
        '"object"',
        '"num_branches":',
        '"descr":',
        "'|O'",
        "[[[[[[[[",
        "PK\x01\x02",
    ),
]


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--minutes", type=float, default=3.0)
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--out", type=Path, default=Path("runs/fuzz"))
    parser.add_argument("--formats", nargs="*", default=[], help="only these")
    arguments = parser.parse_args()
    out: Path = arguments.out.resolve()
    for folder in ("corpus", "findings"):
        (out / folder).mkdir(parents=True, exist_ok=True)
    (out / "tokens.txt").write_text("\n".join(_quoted(token) for token in TOKENS) + "\n")
    scratch = tempfile.TemporaryDirectory(dir="/dev/shm" if Path("/dev/shm").is_dir() else None)
    before = set((out / "findings").iterdir())
    begun, tried, edges, round_number = time.monotonic(), 0, 0, 0
    while (left := 60 * arguments.minutes - (time.monotonic() - begun)) > 10:
        log = out / "log.txt"
        with log.open("w") as file:  # a crash ends the process: what is left of the time goes to another
            command = [sys.executable, __file__, "--child", str(out), ",".join(arguments.formats)]
            options = [f"-max_total_time={int(left)}", f"-seed={arguments.seed * 1000 + round_number + 1}"]
            options += [f"-timeout={SECONDS}", "-rss_limit_mb=0", "-max_len=16384", "-print_final_stats=1"]
            options += [f"-artifact_prefix={out}/findings/", f"-dict={out}/tokens.txt", str(out / "corpus")]
            environment = {
                **os.environ,
                "TMPDIR": scratch.name,
                "PYTHONPATH": os.pathsep.join([str(ROOT), *sys.path[1:]]),
            }
            subprocess.run([*command, *options], stdout=file, stderr=file, env=environment, check=False, cwd=out)
        words = log.read_text(errors="replace")
        executed = re.findall(r"stat::number_of_executed_units: (\d+)", words) or re.findall(r"^#(\d+)", words, re.M)
        if not executed:
            raise ValueError(f"the fuzzer did not start; see {log} (is atheris installed?)")
        tried, edges = tried + int(executed[-1]), max([edges, *map(int, re.findall(r" cov: (\d+)", words))])
        round_number += 1
    scratch.cleanup()
    minutes = (time.monotonic() - begun) / 60
    found = sorted(p.name for p in set((out / "findings").iterdir()) - before if p.suffix != ".txt")
    kept = sum(1 for _ in (out / "corpus").iterdir())
    print(f"{minutes:.1f} min, {tried} inputs, {kept} kept, {edges} edges, {len(found)} findings: {', '.join(found)}")
    record(out, len(found), arguments, {"minutes": round(minutes, 1), "inputs": tried, "kept": kept, "edges": edges})


def record(out: Path, findings: int, arguments: argparse.Namespace, controls: dict[str, Any]) -> None:
    from smcrep.results import Record, commit, machine, write_claims

    controls |= {"formats": len(formats()), "mended": len(MENDED)}
    controls |= {f"mended_{number:02d}": words for number, words in enumerate(MENDED, 1)}
    command = f"python tests/fuzz/fuzz_readers.py --minutes {arguments.minutes:g} --seed {arguments.seed}"
    one = Record(
        findings, None, 1, controls["inputs"], "findings", controls, command, commit(), controls["minutes"], machine()
    )
    write_claims(out / "claims" / "faults.json", {"fuzz.findings": one})


def formats() -> dict[str, tuple[Any, bytes]]:
    from tests.fuzz.targets import TARGETS

    return TARGETS


def child(out: Path, names: str, options: list[str]) -> None:
    import atheris

    with atheris.instrument_imports(include=["smcrep", "tests.fuzz", "trimesh"]):
        known = formats()
    order = list(known)
    chosen = [order.index(name) for name in names.split(",") if name] or list(range(len(order)))
    for number in chosen:
        for index, whole in enumerate(known[order[number]][1]):
            (out / "corpus" / f"seed-{order[number]}-{index}").write_bytes(bytes([number]) + whole)

    def one(content: bytes) -> None:
        if not content:
            return
        name = order[chosen[content[0] % len(chosen)] if content[0] not in chosen else content[0]]
        try:
            known[name][0](content[1:])
        except BaseException as error:
            fault = wrong_with(error)
            if fault:
                _keep(out / "findings", name, content[1:], error, fault)

    import warnings

    warnings.simplefilter("ignore")
    size = int(Path("/proc/self/statm").read_text().split()[0]) * resource.getpagesize()
    resource.setrlimit(resource.RLIMIT_AS, (size + MEMORY, size + MEMORY))
    atheris.Setup([sys.argv[0], *options], one)
    atheris.Fuzz()


def wrong_with(error: BaseException | None) -> str:
    """Why an exception is no answer to a user's mistake; "" where it is one."""
    words, seen = str(error), error
    while seen is not None:
        if isinstance(seen, MemoryError):
            return "memory"
        seen = seen.__cause__ or seen.__context__
    ours = isinstance(error, ValueError) and type(error).__module__.startswith("smcrep")
    if type(error) is not ValueError and not ours:
        return type(error).__name__
    return "" if len(words.splitlines()) == 1 and ";" in words else "words"


def _keep(folder: Path, name: str, content: bytes, error: BaseException, fault: str) -> None:
    """One a place: the deepest line of our own code."""
    frames = [f for f in traceback.extract_tb(error.__traceback__) if str(ROOT / "smcrep") in f.filename]
    deepest = frames[-1] if frames else traceback.extract_tb(error.__traceback__)[-1]
    path = folder / f"{fault}-{Path(deepest.filename).stem}-{deepest.lineno}.{name}"
    if not path.exists():
        path.write_bytes(content)
        path.with_name(path.name + ".txt").write_text("".join(traceback.format_exception(error)))


def _quoted(token: str) -> str:
    return '"' + "".join(c if 32 <= ord(c) < 127 and c not in '"\\' else f"\\x{ord(c):02x}" for c in token) + '"'


if __name__ == "__main__":
    if sys.argv[1:2] == ["--child"]:
        child(Path(sys.argv[2]), sys.argv[3], sys.argv[4:])
    else:
        try:
            main()
        except ValueError as error:
            sys.exit(f"error: {error}")
