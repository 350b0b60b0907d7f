#!/usr/bin/env bash
# Builds Horovod against the TensorFlow of one Python environment and installs it there.
#
#   scripts/install_horovod.sh [--rebuild] [PYTHON]      PYTHON: default .venv/bin/python
#
# Horovod publishes no wheels, and its newest release does not compile against today's TensorFlow
# unless one source file is left out (see patch_sources). A build takes minutes, so the wheel is kept
# in a user cache and used again by every environment with the same versions. Running this again when
# a fitting Horovod is installed changes nothing; --rebuild builds and installs whatever is there.
#
# What is built in can be chosen with Horovod's own variables, which are passed on:
#   HOROVOD_WITH_MPI=1            also build MPI support (needs mpicxx); default: Gloo only
#   HOROVOD_GPU_OPERATIONS=NCCL   GPU collectives (needs nvcc and NCCL); default: NCCL where both are
#                                 found, HOROVOD_GPU_OPERATIONS= (empty) turns that off
#   HOROVOD_NCCL_HOME, HOROVOD_CUDA_HOME, HOROVOD_CPU_OPERATIONS, CXX, MAKEFLAGS, ...
#
# Exit codes: 0 installed, 1 failed, 2 something this machine or environment lacks (one line says what).
set -euo pipefail

horovod_version=0.28.1

say() { echo "horovod: $*"; }
lacking() { echo "horovod: $*" >&2; exit 2; }
fail() { echo "horovod: $*" >&2; exit 1; }

rebuild=no
if [ "${1:-}" = --rebuild ]; then rebuild=yes; shift; fi
[ $# -le 1 ] || lacking "usage: install_horovod.sh [--rebuild] [PYTHON]"
python=${1:-.venv/bin/python}
python=$(command -v "$python") || lacking "no Python at ${1:-.venv/bin/python}; 'make setup' creates it"
case $python in /*) ;; *) python=$PWD/$python ;; esac # the build runs in other directories

# --- What do we build against? ------------------------------------------------------------------
versions=$("$python" - <<'PY'
import importlib.metadata, sys, sysconfig
for name in ("tensorflow", "tensorflow-cpu"):
    try:
        tensorflow = importlib.metadata.version(name)
        break
    except importlib.metadata.PackageNotFoundError:
        pass
else:
    sys.exit(1)
platform = sysconfig.get_platform().replace("-", "_")
print(tensorflow, f"cp{sys.version_info[0]}{sys.version_info[1]}", platform)
PY
) || lacking "$python has no TensorFlow; install requirements.lock first"
read -r tensorflow_version python_tag platform <<<"$versions"

# --- What do we build in? -----------------------------------------------------------------------
nccl_found() {
    # Running nvcc, not only finding it: wrappers without a CUDA behind them exist.
    "${HOROVOD_CUDA_HOME:+$HOROVOD_CUDA_HOME/bin/}nvcc" --version >/dev/null 2>&1 || return 1
    local home
    for home in "${HOROVOD_NCCL_HOME:-/usr}" /usr/local "${HOROVOD_CUDA_HOME:-/usr/local/cuda}"; do
        if [ -e "$home/include/nccl.h" ]; then return 0; fi
    done
    return 1
}

export HOROVOD_WITH_TENSORFLOW=1 HOROVOD_WITHOUT_PYTORCH=1 HOROVOD_WITHOUT_MXNET=1
export HOROVOD_WITH_GLOO=1
variant=gloo
if [ "${HOROVOD_WITH_MPI:-}" = 1 ]; then
    command -v mpicxx >/dev/null || lacking "HOROVOD_WITH_MPI=1 needs mpicxx (an MPI development package)"
    variant+=-mpi
else
    export HOROVOD_WITHOUT_MPI=1 HOROVOD_CPU_OPERATIONS="${HOROVOD_CPU_OPERATIONS:-GLOO}"
fi
if [ -z "${HOROVOD_GPU_OPERATIONS+set}" ] && nccl_found; then
    export HOROVOD_GPU_OPERATIONS=NCCL
fi
case "${HOROVOD_GPU_OPERATIONS:-}" in
    "") unset HOROVOD_GPU_OPERATIONS ;; # Horovod's CMake files read an empty one as a choice
    NCCL) variant+=-nccl ;;
    *) variant+="-gpu-${HOROVOD_GPU_OPERATIONS,,}" ;;
esac

cache=${XDG_CACHE_HOME:-$HOME/.cache}/diet-ted-trainer
patches=3 # of patch_sources: one more whenever these change
key=horovod-$horovod_version-p$patches-tf$tensorflow_version-$python_tag-$platform-$variant
log=$cache/$key.log

# Passes if a Horovod that is what we want is installed and really starts; says so in one line, or
# why not (the last line, because TensorFlow writes notes before it).
horovod_starts() {
    "$python" - "$horovod_version" "$tensorflow_version" "$variant" 2>&1 <<'PY' | tail -n 1
import importlib.metadata, json, pathlib, sys
version, tensorflow_version, variant = sys.argv[1:]
try:
    installed = importlib.metadata.version("horovod")
except importlib.metadata.PackageNotFoundError:
    sys.exit("not installed")
if installed != version:
    sys.exit(f"version {installed} is installed, {version} is wanted")
import horovod
built_against = json.loads(pathlib.Path(horovod.__file__).with_name("metadata.json").read_text())
if built_against.get("tensorflow") != tensorflow_version:
    sys.exit(f"the installed one is for TensorFlow {built_against.get('tensorflow')}")
import horovod.tensorflow as hvd
for feature, built in (("mpi", hvd.mpi_built), ("nccl", hvd.nccl_built)):
    if feature in variant.split("-") and not built():
        sys.exit(f"the installed one has no {feature.upper()} support")
hvd.init()
import tensorflow as tf
total = hvd.allreduce(tf.constant(1.0), op=hvd.Sum)
if float(total) != hvd.size():
    sys.exit(f"an all-reduce of ones over {hvd.size()} processes gave {float(total)}")
print(f"{version} for TensorFlow {tensorflow_version} ({variant}) is installed and starts")
PY
}

if [ "$rebuild" = no ] && report=$(horovod_starts); then
    say "$report"
    exit 0
fi

install_wheel() {
    # --no-deps: what Horovod needs is in the lock file, and pip must not move those versions.
    "$python" -m pip install -qq --force-reinstall --no-deps "$cache/$key"/horovod-*.whl
}

# --- Use the cached wheel, if it works here -----------------------------------------------------
if [ "$rebuild" = no ] && compgen -G "$cache/$key/horovod-*.whl" >/dev/null; then
    say "installing the cached wheel in $cache/$key"
    if install_wheel && report=$(horovod_starts); then
        say "$report"
        exit 0
    fi
    # For example a home directory shared with a machine that has an older C library.
    say "the cached wheel does not work here (${report:-it cannot be installed}); building a new one"
fi

# --- Is everything there that a build needs? ----------------------------------------------------
compiler=
for candidate in ${CXX:+"$CXX"} g++ c++ clang++; do
    # shellcheck disable=SC2086  # CXX may carry a launcher or flags, as in CXX="ccache g++"
    if echo 'int main() { if constexpr (true) return 0; }' |
        $candidate -x c++ -std=c++17 -fsyntax-only - 2>/dev/null; then
        compiler=$candidate
        break
    fi
    # A compiler that was asked for by name is not silently replaced by another one.
    if [ -n "${CXX:-}" ]; then lacking "CXX=$CXX is not a working C++17 compiler"; fi
done
[ -n "$compiler" ] || lacking "no C++17 compiler found (g++, c++ or clang++); install one, for example g++, or set CXX"
export CXX=$compiler

PATH=$(dirname "$python"):$PATH # the environment's own cmake comes first
missing=$("$python" - <<'PY'
import importlib.util
modules = ("setuptools", "wheel", "packaging", "cffi", "cloudpickle", "psutil", "yaml", "pip")
print(*(name for name in modules if importlib.util.find_spec(name) is None))
PY
)
command -v cmake >/dev/null || missing+=" cmake"
command -v make >/dev/null || missing+=" make"
[ -z "$missing" ] || lacking "a build also needs: $missing (requirements.lock has the Python packages)"

# --- Build --------------------------------------------------------------------------------------
mkdir -p "$cache"
work=$(mktemp -d)
# The wheel is made beside its final place, so that publishing it is one rename.
fresh=$(mktemp -d "$cache/.$key.XXXXXX")
trap 'rm -rf "$work" "$fresh"' EXIT

# The first errors in the log: what follows them is mostly pip and make passing them on.
show_errors() {
    sed '/subprocess-exited-with-error/,$d' "$log" |
        grep -m 3 -A 4 -E 'CMake Error|ERROR:|(^|[^[:alnum:]_])error:|: not found|No space left' ||
        tail -n 20 "$log"
}

# Runs one stage with its output in the log.
stage() {
    local what=$1
    shift
    if ! "$@" >>"$log" 2>&1; then
        show_errors >&2
        fail "$what failed; the whole log is $log"
    fi
}

: >"$log"
say "fetching the $horovod_version sources (log: $log)"
# pip asks the sources for their metadata; without isolation it finds setuptools here.
stage "fetching the sources" "$python" -m pip download --no-binary :all: --no-deps \
    --no-build-isolation --dest "$work" "horovod==$horovod_version"
stage "unpacking the sources" tar -xzf "$work/horovod-$horovod_version.tar.gz" -C "$work"

# Three changes to what was published:
#
# * xla_mpi_ops.cc uses headers that TensorFlow no longer ships. It only serves
#   HOROVOD_ENABLE_XLA_OPS on GPUs; every other operation is in mpi_ops.cc.
# * Gloo's thread that receives asks for a connection's lock without waiting and, where another
#   thread has it (while it sends, say), comes back at once, again and again. Where computing takes
#   all cores, it takes away the one that the other thread needs. It now sleeps in between.
# * Processes ask each other once per cycle what is ready, also when nothing is: each time several
#   threads wake up in every process, on cores that compute. Nothing can be exchanged before every
#   process has asked for it, so a process that has asked for nothing now waits until it does, for
#   at most 50 ms (others may want to end, or look for who is stalled).
patch_sources() {
    local sources=$work/horovod-$horovod_version
    local cmake_lists=$sources/horovod/tensorflow/CMakeLists.txt
    local pair=$sources/third_party/gloo/gloo/transport/tcp/pair.cc
    local queue=$sources/horovod/common/tensor_queue loop=$sources/horovod/common/operations.cc
    grep -q 'xla_mpi_ops\.cc' "$cmake_lists" || return 1
    sed -i '/xla_mpi_ops\.cc/d' "$cmake_lists"
    sed -i '/std::unique_lock<std::mutex> lock(m_, std::try_to_lock);/,/return;/s/return;/usleep(50);\n    return;/' "$pair"
    [ "$(grep -c 'usleep(50);' "$pair")" = 1 ] || return 1
    sed -i -e 's/#include <mutex>/#include <chrono>\n#include <condition_variable>\n&/' \
        -e 's/  void RemoveJoinTensor();/&\n\n  void WaitForTensors(std::chrono::milliseconds most) {\n    std::unique_lock<std::mutex> lock(mutex_);\n    added_.wait_for(lock, most, [this] {\n      return !tensor_table_.empty() || !message_queue_.empty();\n    });\n  }/' \
        -e 's/  mutable std::mutex mutex_;/&\n\n  std::condition_variable added_;/' "$queue.h"
    sed -i 's/ message_queue_\.push(.*;/&\n  added_.notify_all();/' "$queue.cc"
    sed -i '/^  \/\/ This delay determines thread frequency/i\  if (!state.shut_down \&\& state.process_set_table.Ids().size() == 1) {\n    state.process_set_table.Get(0).tensor_queue.WaitForTensors(\n        std::chrono::milliseconds(50));\n  }' "$loop"
    [ "$(grep -c 'added_' "$queue.h")" = 2 ] && [ "$(grep -c 'added_' "$queue.cc")" = 4 ] &&
        [ "$(grep -c 'WaitForTensors' "$queue.h" "$loop" | grep -c ':1$')" = 2 ]
}
patch_sources || fail "the sources are not those of Horovod $horovod_version that this script knows how to change"

# Horovod's default is eight jobs at once, which small machines have no memory for.
export MAKEFLAGS=${MAKEFLAGS:--j$(nproc)}
say "building for TensorFlow $tensorflow_version, $python_tag, $variant; about 6 minutes of processor time"
stage "the build" "$python" -m pip wheel --verbose --no-cache-dir --no-deps \
    --no-build-isolation --wheel-dir "$fresh" "$work/horovod-$horovod_version"

chmod 755 "$fresh" # mktemp keeps it from other users
rm -rf "${cache:?}/$key" # only there if it did not work or was not wanted
# Fails if another process published the same wheel in between; then that one will do.
mv -T "$fresh" "$cache/$key" 2>/dev/null || compgen -G "$cache/$key/horovod-*.whl" >/dev/null ||
    fail "cannot write $cache/$key"

say "installing the wheel, kept in $cache/$key"
stage "installing the wheel" install_wheel
report=$(horovod_starts) || fail "built and installed, but it does not start: $report"
say "$report"
