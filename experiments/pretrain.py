"""Pretrain the encoders of a robot's senses in a world where objects are acted on.

    python experiments/pretrain.py demo --out runs/demo                          # some 3 minutes on 2 cores
    python experiments/pretrain.py demo --model.use-action False --stores runs/demo/stores --out runs/no_action
    python experiments/pretrain.py demo --objective simclr --out runs/simclr     # another method
    python experiments/pretrain.py demo --senses rgb points depth --out runs/d   # other senses
    python experiments/pretrain.py ycb --data.root FOLDER --out runs/ycb         # any folder of meshes
    python experiments/pretrain.py tiny --out runs/tiny                          # seconds; the numbers mean nothing
    srun python experiments/pretrain.py demo --compute.devices 4 --compute.num-nodes 2 --out runs/big

`smcrep.pretraining` says what it does and what it leaves in the run's folder. Interrupted, the same command goes on.
Every field of the records can be set; ``demo --help`` lists them.
"""

import sys

from smcrep import script
from smcrep.pretraining import RECIPES, Interrupted, pretrain
from smcrep.training.command_line import parse
from smcrep.training.fit import NotFinite


def main() -> None:
    arguments = ["tiny" if a == "--tiny" else a for a in sys.argv[1:]]
    try:
        pretrain(parse(RECIPES, arguments, flat=("recipe",), description=str(__doc__)))
    except Interrupted as stop:
        print(f"pretrain: {stop}")
        sys.exit(128 + stop.signal)


if __name__ == "__main__":
    script.run("pretrain", main, NotFinite)
