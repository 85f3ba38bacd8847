#!/bin/bash
# A store, then its embeddings, by 16 jobs that divide the shards; the next submission makes what a dead job left.
#   sbatch experiments/slurm/shards.sh
#SBATCH --job-name=smcrep-shards
#SBATCH --array=0-15
#SBATCH --cpus-per-task=4
#SBATCH --time=02:00:00
python datasets/prepare_procedural.py "$SCRATCH/big" --num-objects 5000 --engine slurm --processes 4
python experiments/extract.py --run runs/ycb --store "$SCRATCH/big" --engine slurm --processes 4
