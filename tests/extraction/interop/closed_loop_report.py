"""The log of a closed loop, from the files that its stages left: python closed_loop_report.py WORK TASK"""

import json
import re
import sys
from importlib.metadata import version
from pathlib import Path

PACKAGES = ("lerobot", "torch", "metaworld", "mujoco")


def last_loss(log: str) -> str:
    found = re.findall(r"loss:([\d.]+)", log)
    return f"loss {found[0]} -> {found[-1]}" if found else "no loss logged"


def main() -> None:
    work, task = Path(sys.argv[1]), sys.argv[2]
    print(", ".join(f"{name} {version(name)}" for name in PACKAGES))
    for name in ("demonstrations", "embed", "on_line"):
        print(f"\n# {name}\n{(work / f'{name}.log').read_text().rstrip()}")
    print(f"\n# {task}: trained by lerobot-train, reloaded and rolled out by lerobot-eval")
    for policy in ("act", "diffusion"):
        for given in ("state", "smcrep"):
            words = "the true state" if given == "state" else "our embedding"
            result = work / f"eval_{policy}_{given}" / "eval_info.json"
            if not result.is_file():
                print(f"{policy}, {words}: not run")
                continue
            trained = last_loss((work / f"train_{policy}_{given}.log").read_text())
            found = json.loads(result.read_text())["overall"]
            print(
                f"{policy}, {words}: {trained}; success {found['pc_success']:.0f} % of {found['n_episodes']} episodes, "
                f"{found['eval_s']:.0f} s"
            )


if __name__ == "__main__":
    main()
