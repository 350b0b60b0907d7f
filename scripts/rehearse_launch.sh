#!/usr/bin/env bash
# Rehearses a launch on Kubernetes on one machine, without a cluster: two workers and a launcher as
# separate "pods" (own file system, process numbers, host name), joined by ssh over loopback, with the
# keys, host file and variables that the mpi-operator would make, and the very command that `submit`
# renders. As root, on Linux, with sshd:
#
#   scripts/rehearse_launch.sh            # needs `make setup` before; takes some minutes
#
# It shows that
#   1. the job trains across both workers, and variables of the launcher arrive there;
#   2. too few hosts, and a second launcher on the same run directory, are refused;
#   3. a preempted job writes a checkpoint, and its next attempt goes on from it;
#   4. an elastic job whose worker dies goes on with those that are left, in the same attempt.
set -euo pipefail
cd "$(dirname "$0")/.."
repository=$PWD

lacking() { echo "rehearsal: $*" >&2; exit 2; }
[ "$(id -u)" = 0 ] || lacking "must run as root"
for program in /usr/sbin/sshd ssh-keygen unshare pgrep; do
    command -v "$program" >/dev/null || lacking "$program is missing (apt-get install openssh-server procps)"
done
[[ $repository != /tmp/* ]] || lacking "each pod has a /tmp of its own; put the repository elsewhere"
[ -x .venv/bin/horovodrun ] || lacking "no .venv; run make setup"
# Mounts made below are seen by nobody else, and end with this script.
[ -n "${IN_NAMESPACE:-}" ] || IN_NAMESPACE=yes exec unshare --mount --propagation private "$0" "$@"

export PATH=$repository/.venv/bin:$PATH
job=diet-ted namespace=rehearsal workers=2
work=$(mktemp -d)
declare -A pods # name -> process
# The child is the first process of the pod, and all others of the pod end with it.
kill_pod() {
    pkill -KILL -P "${pods[$1]}" || true
    wait "${pods[$1]}" 2>/dev/null || true
    unset "pods[$1]"
}
clean_up() {
    for name in "${!pods[@]}"; do kill_pod "$name"; done
    umount --recursive --lazy "$work/root" "$work/layer" || true
    rm -rf "$work"
}
trap clean_up EXIT
say() { printf '\n=== %s\n' "$*"; }

# --- The image: this machine's files under a layer of what k8s/Dockerfile adds -------------------
mkdir -p "$work"/{layer,root,mpi}
mount -t tmpfs tmpfs "$work/layer"
mkdir "$work"/layer/{upper,work,runs}
mount -t overlay overlay -o "lowerdir=/,upperdir=$work/layer/upper,workdir=$work/layer/work" "$work/root"
root=$work/root
install -D k8s/image/sshd_config "$root/etc/diet-ted-trainer/sshd_config"
install -m 644 k8s/image/ssh_config "$root/etc/ssh/ssh_config"
install -m 755 k8s/image/launch-training k8s/image/stop-training "$root/usr/local/bin/"
chroot "$root" sh -c 'id trainer >/dev/null 2>&1 || useradd --create-home --shell /bin/bash trainer'
# Python may lie in root's home directory.
chmod o+x "$root/root"
mkdir -p "$root"/{runs,etc/mpi,home/trainer/.ssh}
user=$(chroot "$root" id -u trainer):$(chroot "$root" id -g trainer)
chown "$user" "$work/layer/runs" "$root/home/trainer"

# --- What the operator makes: keys, host file, discovery script, names --------------------------
ssh-keygen -q -t ecdsa -N '' -f "$root/home/trainer/.ssh/id_rsa"
cp "$root/home/trainer/.ssh/id_rsa.pub" "$root/home/trainer/.ssh/authorized_keys"
chmod 644 "$root"/home/trainer/.ssh/* # a mounted Secret: root's, readable
host_of() { echo "$job-worker-$1.$job.$namespace.svc"; }
cp /etc/hosts "$root/etc/hosts"
echo "127.0.0.1 $job-launcher other-job" >>"$root/etc/hosts"
for i in $(seq 0 $((workers - 1))); do
    # The short one is the pod's own name, which the kubelet writes there; Gloo looks it up.
    echo "127.0.0.$((i + 2)) $(host_of "$i") $job-worker-$i" >>"$root/etc/hosts"
    echo "$(host_of "$i") slots=1" >>"$work/mpi/hostfile"
done
discovered() { # the ready workers, as the operator writes them
    { echo '#!/bin/sh'; for i in "$@"; do echo "echo $(host_of "$i")"; done; } >"$work/mpi/discover_hosts.sh"
    chmod 755 "$work/mpi/discover_hosts.sh"
}

# pod NAME MPI COMMAND...: runs a command as a pod of that name; MPI is its /etc/mpi (- = none).
pod() {
    # shellcheck disable=SC2016  # expanded in the pod
    ${REPLACE_SHELL:-} unshare --mount --uts --pid --fork --kill-child sh -ec '
        root=$1 runs=$2 user=$3 repository=$4 name=$5 mpi=$6; shift 6
        hostname "$name"
        mount -t proc proc "$root/proc"; mount --rbind /dev "$root/dev"
        mount -t tmpfs tmpfs "$root/tmp"; mount --bind "$runs" "$root/runs"
        [ "$mpi" = - ] || mount --bind "$mpi" "$root/etc/mpi"
        exec chroot --userspec="$user" "$root" env --ignore-environment --chdir="$repository" \
            HOME=/home/trainer PATH="$repository/.venv/bin:/usr/local/bin:/usr/sbin:/usr/bin:/bin" \
            OMP_NUM_THREADS=1 K_MPI_JOB_ROLE=launcher \
            OMPI_MCA_orte_default_hostfile=/etc/mpi/hostfile "$@"
    ' _ "$root" "$work/layer/runs" "$user" "$repository" "$@"
}
start() { # NAME MPI COMMAND...: in the background
    REPLACE_SHELL=exec pod "$@" &
    pods[$1]=$!
}
start_worker() {
    start "$job-worker-$1" - /usr/sbin/sshd -De -f /etc/diet-ted-trainer/sshd_config \
        -o "ListenAddress=127.0.0.$(($1 + 2))" 2>"$work/sshd-$1.log"
    for _ in $(seq 100); do # the readiness probe
        (: <"/dev/tcp/127.0.0.$(($1 + 2))/2222") 2>/dev/null && return
        sleep 0.1
    done
    cat "$work/sshd-$1.log" >&2
    lacking "sshd of worker $1 does not answer"
}
# rendered FILE OPTIONS...: the launcher's command, arguments and variables as submit renders them,
# with Kubernetes' own $(VARIABLE)s filled in; FILE gets them separated by NUL, for `env`.
rendered() {
    python -m trainer submit --dry-run --name "$job" --image rehearsal:1 --workers "$workers" \
        --env REHEARSED=yes "${@:2}" | python -c '
import re, sys, yaml
container = yaml.safe_load(sys.stdin)["spec"]["mpiReplicaSpecs"]["Launcher"]["template"]["spec"]["containers"][0]
values = {item["name"]: item["value"] for item in container["env"]}
filled = [re.sub(r"\$\((\w+)\)", lambda m: values[m[1]], part) for part in container["command"] + container["args"]]
print("launcher:", *filled, file=sys.stderr)
sys.stdout.write("\0".join([f"{k}={v}" for k, v in values.items()] + filled))
' >"$1"
}
launch() { # FILE [NAME]: run a rendered launcher; its exit code
    local command=()
    mapfile -d '' -t command <"$1"
    pod "${2:-$job-launcher}" "$work/mpi" env "${command[@]}"
}
# Lines that tell what happened, without progress bars and the times of day.
telling() { tr '\r' '\n' | grep -E --line-buffered 'Training on|asked for|in use|Epoch|epoch|Going on|Resum|resum|checkpoint|Stopp|Trained|Error|exit|status|gone' | cut -c1-200; }
trains() { pgrep -f "^[^ ]*python[0-9.]* -m trainer .*--run-dir /runs/$1( |\$)" || true; }
checkpoints_of() { echo "checkpoints: $(cd "$work/layer/runs/$1/checkpoints" && echo step-*)"; }

# happened FILE WORDS WHAT: whether a part of the rehearsal has done what it is there for.
happened() { grep -q "$2" "$1" || lacking "this did not happen: $3"; }

small=(--model diet --epochs 8 --set "transformer_size=32" --set "checkpoint_every_steps=5")
long=(--model diet --epochs 60 "${small[@]:4}") # still trains when it is preempted
discovered 0 1
for i in $(seq 0 $((workers - 1))); do start_worker "$i"; done

say "1. Two workers, one process each"
rendered "$work/static" -- --run-dir /runs/static "${small[@]}"
(launch "$work/static" 2>&1 | telling) &
training=$!
until [ "$(trains static | wc -l)" = 2 ]; do sleep 0.5; kill -0 $training 2>/dev/null || lacking "the launch ended early"; done
for process in $(trains static); do
    echo "process on $(nsenter --target "$process" --uts hostname): $(tr '\0' '\n' <"/proc/$process/environ" | grep -E 'REHEARSED|DIET_TED|HOROVOD_RANK' | sort | tr '\n' ' ')"
done
wait $training

say "2. Refused: all processes on one host; a run directory in use"
rendered "$work/one-host" -- --run-dir /runs/one-host "${small[@]}"
sed -i 's/--hostfile\x00[^\x00]*\x00//' "$work/one-host" # the trap: the host file is not seen
(launch "$work/one-host" 2>&1 || echo "launcher: exit status $?") | tee "$work/said" | telling | sort -u
happened "$work/said" "was asked for, but" "too few hosts are refused"

rendered "$work/preempted" -- --run-dir /runs/preempted "${long[@]}"
(launch "$work/preempted" 2>&1 || echo "launcher: exit status $?") > >(tee "$work/first" | telling) &
first=$!
until compgen -G "$work/layer/runs/preempted/checkpoints/step-*" >/dev/null; do
    sleep 0.5
    kill -0 $first 2>/dev/null || lacking "the launch ended early"
done
(pod other-job - python -m trainer --run-dir /runs/preempted "${long[@]}" 2>&1 ||
    echo "other job: exit status $?") | tee "$work/said" | telling
happened "$work/said" "is in use by" "a second launcher is refused"

say "3. Preempted: the launcher's preStop, then the next attempt"
pod "$job-launcher" "$work/mpi" stop-training
wait $first || true
happened "$work/first" "Stopped after step" "a preempted job stops with a checkpoint"
checkpoints_of preempted
launch "$work/preempted" 2>&1 | tee "$work/said" | telling
happened "$work/said" "Going on after step" "the next attempt goes on"
checkpoints_of preempted

say "4. Elastic: the pod of a worker dies; the other goes on"
rendered "$work/elastic" --min-workers 1 --max-workers 2 --network-interface lo -- \
    --run-dir /runs/elastic "${small[@]}"
(launch "$work/elastic" 2>&1 || echo "launcher: exit status $?") > >(tee "$work/first" | telling) &
first=$!
until compgen -G "$work/layer/runs/elastic/checkpoints/step-*" >/dev/null; do
    sleep 0.5
    kill -0 $first 2>/dev/null || lacking "the launch ended early"
done
echo "killing $job-worker-1"
kill_pod "$job-worker-1"
discovered 0 # the operator lists the workers that are ready
wait $first || true
happened "$work/first" "Going on with 1 process" "an elastic job goes on with fewer"
happened "$work/first" "Trained 8 epochs" "an elastic job trains to its end"
checkpoints_of elastic
say "done"
