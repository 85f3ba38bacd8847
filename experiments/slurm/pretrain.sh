#!/bin/bash
# Pretraining on 2 nodes of 4 GPUs; requeued, it goes on from its last checkpoint.   sbatch experiments/slurm/pretrain.sh
#SBATCH --job-name=smcrep
#SBATCH --nodes=2
#SBATCH --ntasks-per-node=4
#SBATCH --gpus-per-node=4
#SBATCH --cpus-per-task=8
#SBATCH --time=12:00:00
#SBATCH --signal=TERM@120
#SBATCH --requeue
srun python experiments/pretrain.py ycb --data.root "$MESHES" --stores "$SCRATCH/stores" \
    --compute.devices 4 --compute.num_nodes 2 --optim.batch_states 64 --out runs/ycb
