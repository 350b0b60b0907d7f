#!/usr/bin/env bash
# Builds the image with buildah and trains in it, where there is no container engine and perhaps no
# registry of images either. As root:
#
#   scripts/build_image.sh               # the cpu image on docker.io's Debian
#   scripts/build_image.sh --bootstrap   # ... on a Debian made here from its packages (debootstrap)
#   scripts/build_image.sh --target gpu
#
# With an engine, `docker build` as written at the top of k8s/Dockerfile does the same.
set -euo pipefail
cd "$(dirname "$0")/.."

target=cpu bootstrap=no release=bookworm
while [ $# -gt 0 ]; do
    case $1 in
        --target) target=$2; shift ;;
        --bootstrap) bootstrap=yes ;;
        *) echo "build_image: unknown option $1 (--target cpu|gpu, --bootstrap)" >&2; exit 2 ;;
    esac
    shift
done
say() { echo "build_image: $*"; }
lacking() { echo "build_image: $*" >&2; exit 2; }

[ "$(id -u)" = 0 ] || lacking "must run as root"
command -v buildah >/dev/null || lacking "buildah is missing; apt-get install buildah"
export BUILDAH_ISOLATION=${BUILDAH_ISOLATION:-chroot}
image=diet-ted-trainer:$target
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT

arguments=(--layers --target "$target" --tag "$image" --file k8s/Dockerfile)
if [ "$bootstrap" = yes ]; then
    base=localhost/debian-base:$release
    if ! buildah inspect --type image "$base" >/dev/null 2>&1; then
        command -v debootstrap >/dev/null || lacking "debootstrap is missing; apt-get install debootstrap"
        say "making a Debian base ($release)"
        debootstrap --variant=minbase --include=ca-certificates "$release" "$work/root" >"$work/log" ||
            { tail -n 20 "$work/log" >&2; exit 1; }
        container=$(buildah from scratch)
        buildah add --quiet "$container" "$work/root" / >/dev/null
        buildah commit --quiet --rm "$container" "$base" >/dev/null
    fi
    arguments+=(--pull-never --build-arg "CPU_BASE=$base")
fi
# Wheels of Horovod built earlier are taken over, if they fit; from a copy, since the build may replace
# one that does not.
cache=${XDG_CACHE_HOME:-$HOME/.cache}/diet-ted-trainer
mkdir -p "$work/cache" "$cache"
cp -r "$cache/." "$work/cache"
arguments+=(--volume "$work/cache:/root/.cache/diet-ted-trainer")
# Behind a proxy with its own certificate, pip in the build needs the host's; nothing of it stays.
if [ -n "${PIP_CERT:-}" ]; then
    printf '[global]\ncert = /etc/host-certificates.crt\n' >"$work/pip.conf"
    arguments+=(--volume "$PIP_CERT:/etc/host-certificates.crt:ro" --volume "$work/pip.conf:/etc/pip.conf:ro")
fi

say "building $image"
buildah bud "${arguments[@]}" .
[ "$target" = cpu ] || exit 0

say "checking it, and training an epoch in it"
container=$(buildah from --pull-never "localhost/$image")
trap 'buildah rm "$container" >/dev/null; rm -rf "$work"' EXIT
buildah run "$container" -- id -un
buildah run "$container" -- check-image
buildah run "$container" -- python -m trainer --epochs 1
