#!/usr/bin/env bash
# run.sh: builds the image of docker/Dockerfile, starts it as docker/compose.yaml does, and
# uses it through its mapped port.
#
# With docker where an engine answers, else with buildah and podman, which it installs where
# they are missing. It does not skip: where no engine is to be had, it fails.
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/../.."

readonly max_bytes=20000000
readonly image=localhost/waitd-test:$$
readonly name=waitd-test-$$
readonly base_image=../shared/tools/base-image

fail() {
    echo "docker: FAILED: $1" >&2
    exit 1
}

passed() {
    echo "docker: ok: $1"
}

# ---- the engine: docker or podman, and the options that it takes here ----------------------

engine=()       # runs and inspects containers
build=()        # builds an image: its last arguments are added below
run_options=()

# What podman sets by itself is more than everybody may.
readonly low_limits=(--pull never --ulimit nofile=4096:4096 --ulimit nproc=4096:4096)

choose_docker() {
    engine=(docker)
    build=(docker build)
}

# Without the right to raise limits or to make control groups, as in a sandbox, and without a
# registry: the base image is made from Debian's packages.
choose_podman_in_sandbox() {
    export STORAGE_DRIVER=${STORAGE_DRIVER:-vfs}
    "$base_image" || fail "$base_image did not make the base image"
    engine=(podman --cgroup-manager cgroupfs --runtime runc)
    build=(buildah bud --format docker --isolation chroot --pull-never)
    run_options=("${low_limits[@]}")
}

choose_podman() {
    if ! command -v podman >/dev/null || ! command -v buildah >/dev/null; then
        install_podman || fail "no docker engine answers, and podman could not be installed"
    fi
    engine=(podman)
    run_options=("${low_limits[@]}")
    # Only docker's format keeps the health check.
    build=(buildah bud --format docker)
}

install_podman() {
    local as_root=()
    ((EUID == 0)) || as_root=(sudo)
    command -v apt-get >/dev/null || return 1
    echo "docker: installing podman and buildah" >&2
    "${as_root[@]}" apt-get -qq update >/dev/null
    "${as_root[@]}" env DEBIAN_FRONTEND=noninteractive apt-get -qq install -y \
        podman buildah >/dev/null </dev/null
}

if docker info >/dev/null 2>&1; then
    choose_docker
elif [[ -x $base_image ]]; then
    choose_podman_in_sandbox
else
    choose_podman
fi

# ---- whatever happens, nothing is left behind ----------------------------------------------

scratch=$(mktemp -d)
clean_up() {
    local status=$?
    if ((status != 0)) && "${engine[@]}" container inspect "$name" >/dev/null 2>&1; then
        echo "docker: the container's log:" >&2
        "${engine[@]}" logs "$name" >&2 || true
    fi
    {
        "${engine[@]}" rm -f "$name"
        "${engine[@]}" rmi -f "$image"
        rm -rf "$scratch"
    } >/dev/null 2>&1 || true
    exit "$status"
}
trap clean_up EXIT
trap 'exit 129' HUP
trap 'exit 130' INT
trap 'exit 143' TERM

# ---- the image -----------------------------------------------------------------------------

"${build[@]}" -f docker/Dockerfile -t "$image" . >"$scratch/build.log" 2>&1 || {
    cat "$scratch/build.log" >&2
    fail "the image does not build"
}
passed "built with ${build[0]}"

bytes=$("${engine[@]}" image inspect --format '{{.Size}}' "$image")
((bytes <= max_bytes)) || fail "the image has $bytes bytes, more than $max_bytes"
passed "$bytes bytes"

user=$("${engine[@]}" image inspect --format '{{.Config.User}}' "$image")
[[ $user == 65532:65532 ]] || fail "the user is '$user', not 65532:65532"
passed "the user is $user"

# ---- a container, on a free port -----------------------------------------------------------

"${engine[@]}" run -d --name "$name" -p 127.0.0.1::8080 --read-only --cap-drop ALL \
    --security-opt no-new-privileges --security-opt seccomp=docker/seccomp.json \
    "${run_options[@]}" "$image" >"$scratch/run.log" 2>&1 || {
    cat "$scratch/run.log" >&2
    fail "the container does not start"
}
address=$("${engine[@]}" port "$name" 8080/tcp | head -n 1)
[[ $address == 127.0.0.1:* ]] || fail "port 8080 is mapped to '$address'"

"${engine[@]}" export "$name" | tar -t >"$scratch/files"
if grep -E '(^|/)(sh|ash|bash|dash|busybox)$' "$scratch/files"; then
    fail "there is a shell in the image"
fi
passed "no shell among its $(grep -c '[^/]$' "$scratch/files") files"

for _ in {1..100}; do
    ! "${engine[@]}" exec "$name" /waitd --healthcheck >"$scratch/health" 2>&1 || break
    sleep 0.1
done
"${engine[@]}" exec "$name" /waitd --healthcheck || fail "waitd --healthcheck: not healthy in 10 s"
passed "waitd --healthcheck exits 0"
check=$("${engine[@]}" container inspect --format '{{.Config.Healthcheck.Test}}' "$name")
[[ $check == '[CMD /waitd --healthcheck]' ]] || fail "the image's health check is '$check'"
passed "it is the image's health check"

# get TARGET [curl's options…]: writes $scratch/head and $scratch/body, prints the status and the seconds it took
get() {
    curl -sS --noproxy '*' --max-time 10 -D "$scratch/head" -o "$scratch/body" \
        -w '%{http_code} %{time_total}\n' "${@:2}" "http://$address$1"
}

# least A B: A is at least B
least() {
    awk -v a="$1" -v b="$2" 'BEGIN { exit !(a >= b) }'
}

read -r code _ < <(get /healthz)
[[ $code == 200 ]] || fail "/healthz: $code"
passed "/healthz on $address"

read -r code seconds < <(get '/wait?delay=0.2')
elapsed=$(sed -n 's/.*"elapsed": *\([0-9.]*\).*/\1/p' "$scratch/body")
[[ $code == 200 ]] || fail "/wait: $code $(cat "$scratch/body")"
least "${elapsed:-0}" 0.2 || fail "/wait: early, elapsed is '$elapsed'"
least "$seconds" 0.2 || fail "/wait: answered after $seconds s"
passed "/wait waited $elapsed s"

read -r code _ < <(get '/wait_n?n=3&max_delay=0.2&format=ndjson')
[[ $code == 200 ]] || fail "/wait_n: $code $(cat "$scratch/body")"
rows=$(grep -c '"rank"' "$scratch/body") || true
((rows == 3)) || fail "/wait_n: $rows rows, not 3: $(cat "$scratch/body")"
grep -qi '^transfer-encoding: chunked' "$scratch/head" || fail "/wait_n: not streamed"
passed "/wait_n streamed its 3 rows"

read -r code _ < <(get '/wait?delay=-1')
[[ $code == 400 ]] || fail "/wait?delay=-1: $code, not 400"
passed "a delay of -1 is a 400"

# Behind a chunked body whose framing it has not seen itself, it closes the connection.
read -r code _ < <(get /wait --json '{"delay": 0}' -H 'Transfer-Encoding: chunked')
[[ $code == 200 ]] || fail "/wait, chunked: $code $(cat "$scratch/body")"
! grep -i '^connection: close' "$scratch/head" ||
    fail "/wait, chunked: libmicrohttpd reads past us in the optimized build"
passed "the optimized build, too, sees what libmicrohttpd reads"

"${engine[@]}" kill --signal HUP "$name" >"$scratch/kill.log" 2>&1 ||
    fail "SIGHUP: $(cat "$scratch/kill.log")"
read -r code _ < <(get '/wait?delay=0.1')
[[ $code == 200 ]] || fail "SIGHUP: /wait after it: $code"
"${engine[@]}" logs "$name" >"$scratch/log" 2>&1
grep -q 'nothing to read again' "$scratch/log" || fail "SIGHUP: nothing in the log"
passed "SIGHUP: a line in the log, and it goes on"
warned=$(grep ' warn ' "$scratch/log") || true
[[ $warned == *' open to other machines '* && $warned != *$'\n'* ]] ||
    fail "not one warning that it is open: $(cat "$scratch/log")"
passed "it says once that it is open to other machines"

# ---- what confines it ----------------------------------------------------------------------

pid=$("${engine[@]}" inspect --format '{{.State.Pid}}' "$name")
if [[ $(readlink "/proc/$pid/exe") == */waitd ]]; then
    for line in 'Seccomp:.2' 'NoNewPrivs:.1' 'CapEff:.0000000000000000' 'CapBnd:.0000000000000000'; do
        grep -Eq "^$line\$" "/proc/$pid/status" ||
            fail "not $line: $(grep -E '^(Seccomp|NoNewPrivs|Cap)' "/proc/$pid/status")"
    done
    passed "it has its seccomp filter, no new privileges and no capability"
else
    passed "its confinement cannot be seen from here: its process is elsewhere"
fi

# ---- the end: what waits is answered, and the program ends by itself -----------------------

get '/wait?delay=1' >"$scratch/last" &
waiter=$!
sleep 0.3
started=$SECONDS
"${engine[@]}" stop -t 15 "$name" >"$scratch/stop.log" 2>&1 || {
    cat "$scratch/stop.log" >&2
    fail "SIGTERM: the container does not stop"
}
seconds=$((SECONDS - started))
exit_code=$("${engine[@]}" inspect --format '{{.State.ExitCode}}' "$name")
((exit_code == 0)) || fail "SIGTERM: it ended with exit code $exit_code after $seconds s"
((seconds <= 15)) || fail "SIGTERM: it took $seconds s"
wait "$waiter" || fail "SIGTERM: a wait that was held got no answer"
read -r code _ <"$scratch/last"
[[ $code == 200 ]] || fail "SIGTERM: a wait that was held got $code"
passed "SIGTERM: the wait was answered, exit code 0 after $seconds s"
