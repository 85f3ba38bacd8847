"""What came of the mutants, for readers and as records."""

from collections.abc import Sequence
from pathlib import Path
from typing import Any

from scipy.stats import binomtest

Result = dict[str, Any]


def table(results: Sequence[Result]) -> str:
    """A line a package: made, killed (by a failure, or because the time was over), survived; below it who survived."""
    lines = [f"{'package':14} made killed survived  share"]
    for package, found in [*by_package(results).items(), ("all", list(results))]:
        killed = number_killed(found)
        share = f"{killed / len(found):6.1%}" if found else "     -"
        lines.append(f"{package:14} {len(found):4} {killed:6} {len(found) - killed:8} {share}")
    for each in results:
        if each["result"] == "survived":
            how = "" if each["tests"] else ": no test reaches it"
            lines += ["", f"survived {each['file']}:{each['line']}, {each['kind']}{how}", *each["diff"]]
    return "\n".join(lines)


def by_package(results: Sequence[Result]) -> dict[str, list[Result]]:
    names = dict.fromkeys(each["package"] for each in results)
    return {name: [each for each in results if each["package"] == name] for name in names}


def number_killed(results: Sequence[Result]) -> int:
    return sum(each["result"] != "survived" for each in results)


def records(path: Path, results: Sequence[Result], command: str, begun: float) -> None:
    """``mutants.killed``, over all and by package, merged into the file of claims ``path``: shares with Wilson's
    interval over mutants."""
    from smcrep.provenance import stamped
    from smcrep.results import Record, write_claims

    claims = {}
    for name, found in [("mutants.killed", list(results))] + [
        (f"mutants.killed.{package}", found) for package, found in by_package(results).items()
    ]:
        if not found:
            continue
        killed = number_killed(found)
        interval = binomtest(killed, len(found)).proportion_ci(method="wilson")
        controls = {
            "killed": killed,
            "survived": len(found) - killed,
            "by_hand": sum(each["kind"].startswith("mistake") for each in found),
            "time_over": sum(each["result"] == "time over" for each in found),
        }
        bounds = (float(interval.low), float(interval.high))
        claims[name] = Record(killed / len(found), bounds, n=len(found), unit="share", controls=controls)
    if claims:
        write_claims(path, stamped(claims, command, begun))
