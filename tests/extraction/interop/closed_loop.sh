#!/bin/sh
# The closed loop by LeRobot's own commands: scripted demonstrations of one Meta-World task, embeddings on line against
# off line, ACT and Diffusion trained on the true state and on the embedding, saved, reloaded and rolled out.
#
#     sh tests/extraction/interop/closed_loop.sh ENV MODEL WORK [TASK] [STAGE ...]
#
# STAGE: demonstrations embed on_line train_POLICY_INPUT eval_POLICY_INPUT report, POLICY act or diffusion, INPUT state
# or smcrep; all where none is named, some 25 minutes of one core. What WORK holds already is not made again.
set -e
env=$1 model=$2 work=$3 task=${4:-drawer-open-v3}
here=$(dirname "$0")
export PYTHONPATH=distributions/lerobot_policy_smcrep:distributions/lerobot_env_smcrep:.
export HF_HUB_OFFLINE=1 MUJOCO_GL=egl PYOPENGL_PLATFORM=egl LP_NUM_THREADS=1 OMP_NUM_THREADS=${OMP_NUM_THREADS:-1}
mkdir -p "$work"
[ $# -gt 4 ] && shift 4 && stages="$*"
episodes=${EPISODES:-25} rollouts=${ROLLOUTS:-20}

failed() { # LOG
    tail -n 3 "$1" >&2
    echo "closed_loop.sh: $stage failed; all of it: $1" >&2
    exit 1
}

policy_options() {
    case $1 in
        act) echo --policy.dim_model=64 --policy.n_heads=2 --policy.dim_feedforward=256 --policy.use_vae=false \
            --policy.chunk_size=10 --policy.n_action_steps=10 --policy.optimizer_lr=1e-3 --batch_size=64 --steps=1000 ;;
        diffusion) echo --policy.down_dims='[64,128]' --policy.horizon=16 --policy.n_action_steps=8 \
            --policy.num_train_timesteps=50 --policy.num_inference_steps=10 --policy.noise_scheduler_type=DDIM \
            --policy.optimizer_lr=1e-3 --policy.scheduler_warmup_steps=50 --batch_size=64 --steps=600 ;;
    esac
}

train() { # POLICY INPUT
    [ -d "$work/$1_$2/checkpoints/last" ] && return
    rm -rf "${work:?}/$1_$2"
    set_of=$work/demos/state
    [ "$2" = smcrep ] && set_of=$work/demos/lean
    mode=MEAN_STD
    [ "$1" = diffusion ] && mode=MIN_MAX # it draws actions between -1 and 1
    size=$("$env/bin/python" -c "import json; print(json.load(open('$set_of/meta/info.json'))['features']['observation.environment_state']['shape'][0])")
    "$env/bin/lerobot-train" --policy.type="$1" --policy.device=cpu --policy.push_to_hub=false \
        --dataset.repo_id=local/set --dataset.root="$set_of" --dataset.use_imagenet_stats=false \
        --policy.input_features="{\"observation.state\":{\"type\":\"STATE\",\"shape\":[4]},\"observation.environment_state\":{\"type\":\"ENV\",\"shape\":[$size]}}" \
        --policy.normalization_mapping="{\"ENV\":\"MEAN_STD\",\"STATE\":\"$mode\",\"ACTION\":\"$mode\",\"VISUAL\":\"MEAN_STD\"}" \
        $(policy_options "$1") --num_workers=0 --persistent_workers=false --env_eval_freq=0 --save_freq=100000 \
        --log_freq=100 --wandb.enable=false --seed=0 --output_dir="$work/$1_$2" > "$work/train_$1_$2.log" 2>&1 || failed "$work/train_$1_$2.log"
}

evaluate() { # POLICY INPUT
    [ -f "$work/eval_$1_$2/eval_info.json" ] && return
    type=smcrep_metaworld_state given=
    [ "$2" = smcrep ] && type=smcrep_metaworld && given="--env.encoder=$model"
    "$env/bin/lerobot-eval" --policy.path="$work/$1_$2/checkpoints/last/pretrained_model" --policy.device=cpu \
        --env.type=$type --env.task="$task" $given --eval.n_episodes="$rollouts" --eval.batch_size=5 \
        --seed=1000 --output_dir="$work/eval_$1_$2" > "$work/eval_$1_$2.log" 2>&1 ||
        failed "$work/eval_$1_$2.log"
}

for stage in ${stages:-demonstrations embed on_line train_act_state train_act_smcrep train_diffusion_state \
    train_diffusion_smcrep eval_act_state eval_act_smcrep eval_diffusion_state eval_diffusion_smcrep report}; do
    case $stage in
        demonstrations)
            [ -d "$work/demos/seen/meta/episodes" ] ||
                "$env/bin/python" -m lerobot_env_smcrep.demonstrations "$work/demos" --task "$task" \
                    --episodes "$episodes" 2> "$work/err" > "$work/demonstrations.log" || failed "$work/err" ;;
        embed)
            [ -d "$work/demos/lean" ] ||
                "$env/bin/python" "$here/embed_demonstrations.py" "$model" "$work/demos" 2> "$work/err" > "$work/embed.log" ||
                failed "$work/err" ;;
        on_line)
            "$env/bin/python" "$here/on_line.py" "$model" "$work/demos" "$task" "$work/on_line" \
                2> "$work/err" > "$work/on_line.log" || failed "$work/err" ;;
        train_*) pair=${stage#train_}; train "${pair%_*}" "${pair#*_}" ;;
        eval_*) pair=${stage#eval_}; evaluate "${pair%_*}" "${pair#*_}" ;;
        report) "$env/bin/python" "$here/closed_loop_report.py" "$work" "$task" ;;
        *) echo "closed_loop.sh: no stage $stage" >&2; exit 2 ;;
    esac
done
