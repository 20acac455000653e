#!/usr/bin/env bash
# Run mslesion as an array job of a cluster, one participant a task, then merge the tables.
#
#     submit_array.sh slurm|sge|pbs|lsf BIDS_DIR OUTPUT_DIR [options of mslesion ...]
#
# Environment:
#     MSLESION        the command (default: the mslesion of this shell), for example
#                     "apptainer run --cleanenv -B /data mslesion.sif"
#     SUBMIT_OPTIONS  options of sbatch, qsub or bsub for every job: time, memory, account, queue
#     MAX_TASKS       tasks of the array at most (default: 1000); with more participants, a task
#                     does several, one after the other
#     MAX_RUNNING     tasks at a time at most (default: as many as the cluster runs)
#
# The list of participants and the two job scripts stand in a folder of this submission alone,
# OUTPUT_DIR/logs/submissions/..., where the logs of the tasks go too. Nothing changes them later:
# neither a new participant in BIDS_DIR nor a second submission.
set -euo pipefail

fail() { echo "submit_array.sh: $1" >&2; exit 2; }
# As code for the shell; a path may have blanks
quoted() { printf '%q ' "$@"; }

[ $# -ge 3 ] || { sed -n '2,17s/^# \{0,1\}//p' "$0" >&2; exit 2; }
scheduler=$1
bids=$(realpath -e -- "$2")
output=$(realpath -m -- "$3")
shift 3
case $scheduler in
  slurm) index=SLURM_ARRAY_TASK_ID ;;
  sge) index=SGE_TASK_ID ;;
  pbs) index=PBS_ARRAY_INDEX ;;
  lsf) index=LSB_JOBINDEX ;;
  *) fail "The scheduler is $scheduler, but slurm, sge, pbs or lsf is expected. Choose one of them." ;;
esac
command=${MSLESION:-$(command -v mslesion)} || fail "There is no mslesion here. Set MSLESION to its command."
read -ra mslesion <<<"$command"
read -ra options <<<"${SUBMIT_OPTIONS:-}"

# Whom a run with these options finds, one label a line
planned=$("${mslesion[@]}" "$bids" "$output" participant --dry-run "$@")
labels=$(sed -n 's/^sub-\([[:alnum:]]*\).*/\1/p' <<<"$planned" | LC_ALL=C sort -u)
[ -n "$labels" ] || fail "$bids has no participant for these options. Correct them."
count=$(wc -l <<<"$labels")
max=${MAX_TASKS:-1000}
each=$(((count + max - 1) / max))
tasks=$(((count + each - 1) / each))

mkdir -p "$output/logs/submissions"
folder=$(mktemp -d "$output/logs/submissions/$scheduler-$(date +%Y%m%dT%H%M%S)-XXXX")
list=$folder/participants.txt
printf '%s\n' "$labels" >"$list"
cat >"$folder/task.sh" <<END
#!/usr/bin/env bash
# One task of the array: $each of the $count participants of the list
set -euo pipefail
cd $(quoted "$PWD")
export OMP_NUM_THREADS=1
mapfile -t labels < <(tail -n +"\$(((${index} - 1) * $each + 1))" $(quoted "$list")| head -n $each)
[ "\${#labels[@]}" -gt 0 ] || { echo "No participant is left for task \$$index." >&2; exit 2; }
exec $(quoted "${mslesion[@]}" "$bids" "$output" participant "$@")--participant-label "\${labels[@]}"
END
cat >"$folder/group.sh" <<END
#!/usr/bin/env bash
# After all tasks, whether or not they succeeded
set -euo pipefail
cd $(quoted "$PWD")
exec $(quoted "${mslesion[@]}" "$bids" "$output" group "$@")
END
chmod a-w "$list" "$folder"/*.sh

running=${MAX_RUNNING:+%$MAX_RUNNING}
case $scheduler in
  slurm)
    array=$(sbatch --parsable --job-name=mslesion --array="1-$tasks$running" \
      --output="$folder/task-%a.log" "${options[@]}" "$folder/task.sh")
    array=${array%%;*}  # without the name of the cluster
    sbatch --parsable --job-name=mslesion-group --dependency="afterany:$array" \
      --output="$folder/group.log" "${options[@]}" "$folder/group.sh" >"$folder/group.id" ;;
  sge)
    array=$(qsub -terse -N mslesion -t "1-$tasks" ${MAX_RUNNING:+-tc "$MAX_RUNNING"} -S /bin/bash -V \
      -j y -o "$folder/task-\$TASK_ID.log" "${options[@]}" "$folder/task.sh")
    array=${array%%.*}  # without the range of tasks
    qsub -terse -N mslesion-group -hold_jid "$array" -S /bin/bash -V \
      -j y -o "$folder/group.log" "${options[@]}" "$folder/group.sh" >"$folder/group.id" ;;
  pbs)  # an array has two tasks or more
    range=(-J "1-$tasks$running")
    [ "$tasks" -gt 1 ] || range=(-v "$index=1")
    array=$(qsub -N mslesion "${range[@]}" -V -j oe -o "$folder/" "${options[@]}" "$folder/task.sh")
    qsub -N mslesion-group -W "depend=afterany:$array" -V -j oe -o "$folder/group.log" \
      "${options[@]}" "$folder/group.sh" >"$folder/group.id" ;;
  lsf)
    array=$(bsub -J "mslesion[1-$tasks]$running" -o "$folder/task-%I.log" "${options[@]}" <"$folder/task.sh")
    array=$(sed -n 's/^Job <\([0-9]*\)>.*/\1/p' <<<"$array")
    bsub -J mslesion-group -w "ended($array)" -o "$folder/group.log" "${options[@]}" \
      <"$folder/group.sh" >"$folder/group.id" ;;
esac
echo "$count participants in $tasks tasks, job $array; lists and logs in $folder"
