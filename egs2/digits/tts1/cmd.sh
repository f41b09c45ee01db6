# Sourced. Where jobs run: options of `python -m espnet2.bin.run_jobs`, in arrays.
# cmd_backend=slurm ./run.sh takes Slurm; put the partitions of your cluster here.
# shellcheck shell=bash disable=SC2034  # asr.sh reads them

case ${cmd_backend:-local} in
    local)
        train_cmd=(--backend local)
        cuda_cmd=(--backend local)
        decode_cmd=(--backend local)
        ;;
    slurm)
        train_cmd=(--backend slurm --slurm_args "--mem=4G --cpus-per-task=1")
        cuda_cmd=(--backend slurm --slurm_args "--mem=16G --cpus-per-task=4 --gres=gpu:${ngpu:-1}")
        decode_cmd=(--backend slurm --slurm_args "--mem=4G --cpus-per-task=1")
        if [ "${gpu_inference:-false}" = true ]; then
            decode_cmd=(--backend slurm --slurm_args "--mem=16G --cpus-per-task=4 --gres=gpu:1")
        fi
        ;;
    *)
        echo "cmd.sh: expected cmd_backend to be local or slurm, found '${cmd_backend}'" >&2
        exit 2
        ;;
esac
