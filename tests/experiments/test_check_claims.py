"""Every kind of drift between experiments, records and pages, planted in a clone, is named."""

import json
import re
import subprocess
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from smcrep.provenance import History
from smcrep.results import read_claims, write_claims
from tests.experiments.scripts import script

ROOT = Path(__file__).parents[2]
check_claims: Any = script("check_claims")


def in_git() -> bool:
    return (ROOT / ".git").exists() and History(ROOT).is_whole()


pytestmark = pytest.mark.skipif(not in_git(), reason="needs the history")


def edited(path: Path, pattern: str, replacement: str) -> None:
    text = path.read_text(encoding="utf-8")
    changed = re.sub(pattern, replacement, text, count=1, flags=re.DOTALL)
    assert changed != text, pattern
    path.write_text(changed, encoding="utf-8")


def rewritten(claims: Path, name: str, **fields: Any) -> None:
    """As an experiment would: with a seal that fits."""
    write_claims(claims, {name: replace(read_claims(claims)[name], **fields)})


def nudged(claims: Path, name: str, field: str, by: float) -> None:
    """As an editor would."""
    content = json.loads(claims.read_text(encoding="utf-8"))
    content["claims"][name][field] += by
    claims.write_text(json.dumps(content), encoding="utf-8")


@pytest.fixture(scope="module")
def clone(tmp_path_factory: pytest.TempPathFactory) -> Path:
    root = tmp_path_factory.mktemp("clone") / "smcrep"
    subprocess.run(["git", "clone", "--quiet", "--shared", str(ROOT), str(root)], check=True)
    return root


@pytest.fixture(scope="module")
def found(clone: Path) -> list[str]:
    """All drifts at once, each on a page or in a record of its own."""
    claims, docs = clone / "experiments/claims", clone / "docs"
    nudged(claims / "demo.json", "demo.outcome.fused", "value", 1e-5)
    nudged(claims / "faults.json", "kill.train", "n", 10)
    rewritten(claims / "cluster.json", "engines.identical", commit="0123456789ab")
    rewritten(claims / "ablations.json", "ablation.points.points.h1", commits=("fedcba987654",))
    rewritten(claims / "speed.json", "growth.training", value=0.99, ci95=None)
    rewritten(claims / "speed.json", "import.ratio_to_torch", command="python experiments/benchmarks/import.py")
    rewritten(claims / "speed.json", "loader.wait_share", command="python experiments/benchmarks/training.py --fast")
    rewritten(claims / "demo.json", "setup.minutes", command="make ready")
    rewritten(claims / "generalisation.json", "fused.1shot", seeds=5)
    rewritten(claims / "structure.json", "docs.warnings", commit="e88fec215667-dirty")
    rewritten(claims / "vla.json", "audit.policies.healthy", controls={"seen": ["3 of '/home/ann/sets/x.mp4': cut"]})
    edited(docs / "results.md", r"<!-- claims faults: .*?<!-- end -->", "")
    edited(clone / "README.md", r"\*\*0\.(\d)", r"**0.9\1")
    edited(docs / "guides/cluster.md", r"(<!-- value [^>]*-->)\d+", r"\g<1>50")
    for page, line in {
        "guides/pretrain.md": "It finds .83 of them, 83 % in nine minutes, within 12 degrees.",
        "guides/probe.md": "<!-- claims speeed: * -->\n<!-- end -->",
        "guides/extract.md": "<!-- claims speed: slow* -->\n<!-- end -->",
        "glossary.md": "It finds <!-- value demo: demo.outcome.touch -->.5<!-- /value -->.",
    }.items():
        with (docs / page).open("a", encoding="utf-8") as handle:
            handle.write(f"\n{line}\n")
    return check_claims.faults(clone, check_claims.read_themes(clone), History(clone))


@pytest.mark.situation
@pytest.mark.parametrize(
    "words",
    [
        "demo: demo.outcome.fused: was changed by hand",  # the fifth digit
        "faults: kill.train: was changed by hand",
        "cluster: engines.identical: names the commit 0123456789ab",
        "ablations: ablation.points.points.h1: names the commit fedcba987654",
        "experiments/figures/growth.png: is older than speed: growth.training",
        "speed: import.ratio_to_torch: its command runs 'python experiments/benchmarks/import.py', and no such",
        "speed: loader.wait_share: its command gives --fast, which experiments/benchmarks/training.py has not",
        "demo: setup.minutes: its command makes 'ready'",
        "generalisation: fused.1shot: is not what the cells give",
        "structure: docs.warnings: was made from changed files",
        "vla: audit.policies.healthy: names a place of one machine, '/home/ann/sets/x.mp4'",
        "docs/results.md: has no table with faults: kill.train",
        "README.md: a table or a value differs",
        "docs/guides/cluster.md: a table or a value differs",
        "'.83' in ",
        "'83' in '. It finds",
        "'nine' in",
        "'12' in 'in nine",
        "docs/guides/probe.md: no theme 'speeed'; experiments/claims has ablations",
        "docs/guides/extract.md: no record matches 'slow*'",
        "docs/glossary.md: no record 'demo.outcome.touch'",
    ],
)
def test_a_planted_drift_is_named(found: list[str], words: str) -> None:
    assert [line for line in found if words in line], "\n".join(found)


def test_a_value_outside_its_interval_and_a_reversed_one_are_refused(tmp_path: Path) -> None:
    path = tmp_path / "experiments/claims/demo.json"
    for value, ends in ((0.9, [0.1, 0.2]), (0.5, [0.6, 0.4])):
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(json.dumps({"claims": {"a": {"value": value, "ci95": ends}}}), encoding="utf-8")
        with pytest.raises(ValueError, match=r"demo\.json: .*a: Record: value 0\.[59] lies outside its interval"):
            check_claims.read_themes(tmp_path)


def test_stale_records_are_named_and_no_fault(clone: Path) -> None:
    """A copy whose training code runs one more line: every record that was trained is stale, and pages stay right."""
    module = clone / "smcrep/objectives/nt_xent.py"
    module.write_text(module.read_text(encoding="utf-8") + "\nassert nt_xent\n", encoding="utf-8")
    themes, history = check_claims.read_themes(clone), History(clone)
    trained = {"demo": themes["demo"], "faults": themes["faults"]}
    stale = check_claims.stale_records(trained, history)
    assert ("demo", "demo.outcome.rgb") in stale
    assert not [name for theme, name in stale if theme == "faults"]
