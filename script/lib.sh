# shellcheck shell=bash
# Set-up steps that script/server and script/test share. Each checks first, says in a line what it does, and may be
# run again at any time. Sourced with the repository's root as the working directory.

say() { printf 'flotilla: %s\n' "$*"; }
loud() { printf 'flotilla: !!! %s\n' "$*" >&2; }
die() {
  printf 'flotilla: %s\n' "$*" >&2
  exit 1
}

# Reads KEY=VALUE lines. Nothing is executed or expanded, and what the environment already has wins.
load_env() {
  local file=$1 line key value number=0
  [ -f "$file" ] || return 0
  while IFS= read -r line || [ -n "$line" ]; do
    number=$((number + 1))
    line=${line%$'\r'}
    line=${line#"${line%%[![:space:]]*}"}
    case $line in '' | '#'*) continue ;; esac
    line=${line#export }
    key=${line%%=*}
    [[ $line =~ ^[A-Za-z_][A-Za-z0-9_]*= ]] || die "$file line $number is not KEY=VALUE"
    [ -z "${!key+set}" ] || continue
    value=${line#*=}
    case $value in
      \"*\") value=${value#\"} value=${value%\"} ;;
      \'*\') value=${value#\'} value=${value%\'} ;;
      *)
        value=${value%%[[:space:]]#*}
        value=${value%"${value##*[![:space:]]}"}
        ;;
    esac
    export "$key=$value"
  done <"$file"
}

need_node() {
  command -v node >/dev/null || die 'Node is missing: install Node 20.19 or newer (https://nodejs.org)'
  node -e 'const [a, b] = process.versions.node.split(".").map(Number); process.exit(a > 20 || (a === 20 && b >= 19) ? 0 : 1)' ||
    die "Node $(node -v) is too old: install Node 20.19 or newer (https://nodejs.org)"
  command -v npm >/dev/null || die 'npm is missing: it comes with Node (on Debian: apt-get install npm)'
}

# npm notes in node_modules/.package-lock.json what it really installed; an interrupted install leaves no such note.
packages_are_current() {
  node -e '
    const { readFileSync } = require("node:fs");
    const read = (file) => JSON.parse(readFileSync(file, "utf8")).packages;
    const wanted = read("package-lock.json"), there = read("node_modules/.package-lock.json");
    const fits = ([name, { version, optional }]) =>
      name === "" || (there[name] ? there[name].version === version : optional === true);
    process.exit(Object.entries(wanted).every(fits) ? 0 : 1)' 2>/dev/null
}

ensure_packages() {
  packages_are_current && return
  say 'installing npm packages from the lock file'
  npm ci --no-audit --no-fund --loglevel=error || die 'npm ci failed (see above): is the npm registry reachable?'
}

build_inputs() {
  find src web package.json package-lock.json tsconfig.json tsconfig.build.json nest-cli.json .swcrc \
    -type f ! -path src/metadata.ts ! -name '*.spec.ts' "$@"
}

build_is_current() {
  local stamp=dist/.built
  [ -f dist/main.js ] && [ -f dist/web/index.html ] && [ -f "$stamp" ] && [ "$(build_inputs | sort)" = "$(cat "$stamp")" ] &&
    [ -z "$(build_inputs -newer "$stamp" -print -quit)" ]
}

ensure_build() {
  build_is_current && return
  say 'building'
  local stamp status=0
  stamp=$(mktemp) # older than any edit made while the build runs
  build_inputs | sort >"$stamp"
  npm run -s build || status=1
  [ "$status" = 1 ] || cp -p "$stamp" dist/.built
  rm -f "$stamp"
  return "$status"
}

is_debian() { grep -qE '^ID(_LIKE)?=.*(debian|ubuntu)' /etc/os-release 2>/dev/null && command -v apt-get >/dev/null; }
can_install() { [ "$(id -u)" = 0 ] && is_debian; }

apt_install() {
  say "installing $* (Debian packages)"
  local log
  log=$(mktemp)
  if { apt-get update -q && DEBIAN_FRONTEND=noninteractive apt-get -o DPkg::Lock::Timeout=120 install -qy \
    --no-install-recommends "$@"; } >"$log" 2>&1 </dev/null; then
    rm -f "$log"
  else
    tail -n 5 "$log" >&2
    rm -f "$log"
    return 1
  fi
}

engine_socket() { printf '%s' "${DOCKER_HOST:-unix:///var/run/docker.sock}" | sed -n 's,^unix://,,p'; }

# Asks without the docker command, which need not be installed. Only a local socket can be asked this simply.
engine_answers() {
  local socket
  socket=$(engine_socket)
  [ -S "$socket" ] && node -e '
    const ask = require("node:http").get({ socketPath: process.argv[1], path: "/_ping", timeout: 5000 }, (answer) =>
      process.exit(answer.statusCode === 200 ? 0 : 1));
    ask.on("error", () => process.exit(1)).on("timeout", () => process.exit(1))' "$socket"
}

# 0: we may install and start an engine on this machine.
engine_is_allowed() {
  case ${FLOTILLA_INSTALL_ENGINE-} in
    1) return 0 ;;
    0) return 1 ;;
    '') ;;
    *) die 'FLOTILLA_INSTALL_ENGINE must be 0 or 1' ;;
  esac
  [ -t 0 ] && [ -t 1 ] || return 0
  local answer
  read -r -p 'flotilla: no container engine answers. Install and start Docker on this machine? [Y/n] ' answer || return 1
  case $answer in [nN]*) return 1 ;; esac
}

dockerd_pid='' # of the engine we started ourselves

start_engine() {
  local log=/var/log/dockerd.log deadline=$((SECONDS + 60)) folder=${FLOTILLA_DATA_DIR:-data}
  if [ -d /run/systemd/system ] && systemctl start docker >/dev/null 2>&1; then
    say 'starting the container engine (systemctl start docker)'
  else
    if ! { : >>"$log"; } 2>/dev/null; then
      mkdir -p "$folder"
      log=$folder/dockerd.log
    fi
    say "starting the container engine (dockerd, log in $log)"
    # In a shell of its own, so that it belongs to init and not to the server we turn into.
    dockerd_pid=$(
      setsid nohup dockerd >>"$log" 2>&1 </dev/null &
      echo $!
    )
  fi
  until engine_answers; do
    if [ -n "$dockerd_pid" ] && ! kill -0 "$dockerd_pid" 2>/dev/null; then
      tail -n 2 "$log" >&2
      dockerd_pid=''
      return 1
    fi
    [ "$SECONDS" -lt "$deadline" ] || return 1
    sleep 0.5
  done
}

# Fails with one loud sentence when no engine can be had.
ensure_engine() {
  if engine_answers; then
    say "the container engine answers at $(engine_socket)"
    return
  fi
  local problem
  if [ "$(engine_socket)" != /var/run/docker.sock ]; then
    problem='the engine named by DOCKER_HOST does not answer'
  elif ! can_install; then
    problem='no container engine answers: start Docker, or install it (only root on Debian or Ubuntu can have it installed from here)'
  elif ! engine_is_allowed; then
    problem='no container engine answers, and installing one was refused'
  elif ! command -v dockerd >/dev/null && ! apt_install docker.io mmdebstrap; then
    problem='no container engine answers, and docker.io could not be installed'
  elif ! start_engine; then
    problem='the container engine is installed but does not start on this machine'
  else
    return 0
  fi
  loud "$problem"
  return 1
}

# Every shell program of the repository: by its ending, or by its first line.
shell_files() {
  find . \( -name node_modules -o -name .git -o -name dist -o -name data \) -prune -o -type f -print |
    while IFS= read -r file; do
      case $file in
        *.sh) echo "$file" ;;
        */script/* | */.ci/*) head -n 1 "$file" | grep -qE '^#!.*\b(ba)?sh\b' && echo "$file" ;;
      esac
    done | sort
}
