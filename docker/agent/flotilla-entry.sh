#!/bin/sh
# flotilla-entry.sh RUN_DIR USER - main process of an instance: runs runtime generations one after another.
#
# RUN_DIR belongs to this script's user alone. The control plane writes gen/<n>/launch and spool/<k>, names the wanted
# generation in `want`, and writes a byte to `wake`. We answer with started, pids, fed, journal and exit in gen/<n>/.
# USER is the numeric uid (and gid) of the runtime, or - to stay who we are.
set -u
umask 077

fail() {
  code=$1
  shift
  echo "flotilla: $*" >&2
  exit "$code"
}

# Lines become spool/1, spool/2, ...; each is fed exactly once and in order, whatever their writers do: we count.
feed() {
  n=0
  while n=$((n + 1)); do
    while [ ! -f "spool/$n" ]; do read -r _ <&4 || fail 75 'the bell is broken, so nothing more can be fed'; done
    cat "spool/$n" >&3 || fail 75 "line $n could not be fed"
    echo "$n" >fed.new && mv fed.new fed && rm -f "spool/$n"
  done
}
[ "${1-}" != --feed ] || feed

[ $# = 2 ] || fail 70 'usage: flotilla-entry.sh RUN_DIR USER'
self=$(readlink -f "$0")
user=$2
cd "$1" || fail 70 'the run folder is missing'
run=$(pwd -P)
{ chmod 700 . && mkdir -p gen && { [ -p wake ] || mkfifo wake; }; } || fail 71 'the run folder cannot be prepared'
exec 5<>wake # read-write: a FIFO held open this way never sees end of file

as_user() {
  if [ "$user" = - ]; then "$@"; else setpriv --reuid "$user" --regid "$user" --clear-groups -- "$@"; fi
}

# Without CAP_KILL even root may not signal another user's process, so the signal is sent as that user.
signal_runtime() { as_user sh -c "kill -$1 -$child" 2>/dev/null; }

child='' stopping='' interrupted='' idle=''
on_stop() {
  stopping=1 interrupted=1
  [ -z "$idle" ] || exit 143
  [ -n "$child" ] || return 0 # a generation is being set up or wound up: it looks at $stopping itself
  trap '' TERM INT
  signal_runtime TERM
  left=50 # tenths of a second
  while [ -d "/proc/$child" ] && [ $((left -= 1)) -ge 0 ]; do sleep 0.1; done
  signal_runtime KILL
}
trap 'on_stop' TERM INT

# Names the wanted generation in $n. A generation that was started once is never run again.
wanted() {
  n=
  [ ! -f "$run/want" ] || read -r n <"$run/want" || [ -n "$n" ] || return 1
  case $n in '' | *[!0-9]*) return 1 ;; esac
  [ -f "$run/gen/$n/launch" ] && [ ! -e "$run/gen/$n/started" ]
}

# The runtime itself. `launch` holds provider keys: it is read here only, and gone before the runtime starts.
become_runtime() {
  exec 0<in 1>>journal 3>&- 4>&- 5>&-
  trap - TERM INT
  umask 022
  FLOTILLA_CWD=/
  # shellcheck source=/dev/null
  . ./launch
  rm -f launch || fail 74 'the launch file cannot be deleted, so the runtime is not started'
  set -- env -C "$FLOTILLA_CWD" PWD="$FLOTILLA_CWD" "$@" # after the switch: root may not be able to enter the home
  [ "$user" = - ] ||
    set -- setpriv --reuid "$user" --regid "$user" --clear-groups --no-new-privs --inh-caps=-all -- "$@"
  exec setsid "$@"
}

generation() {
  cd "$run/gen/$1" || fail 72 "the folder of generation $1 cannot be entered"
  { : >started && mkdir -p spool && mkfifo in bell && : >>journal; } ||
    fail 72 "generation $1 cannot be prepared"
  exec 3<>in 4<>bell
  (become_runtime) &
  child=$!
  setsid sh "$self" --feed 5>&- &
  feeder=$!
  { echo "$child $feeder" >pids.new && mv pids.new pids; } || fail 72 "the processes of generation $1 cannot be recorded"
  echo "flotilla: runtime generation $1 started"
  [ -z "$stopping" ] || on_stop

  code=
  while # a signal ends `wait` early, and its status is not the runtime's
    interrupted=
    wait "$child"
    status=$?
    [ "$status" = 127 ] && [ -n "$code" ] || code=$status
    [ -n "$interrupted" ]
  do :; done

  signal_runtime KILL # what is left of its group could still write to the journal
  child=
  kill -KILL "-$feeder" "$feeder" 2>/dev/null # a feeder blocked by a full FIFO has a `cat` in its group
  wait "$feeder" 2>/dev/null
  exec 3>&- 4>&-
  {
    { [ -z "$(tail -c 1 journal)" ] || echo >>journal; } &&
      printf '{"jsonrpc":"2.0","method":"_flotilla/end","params":{"code":%d}}\n' "$code" >>journal &&
      echo "$code" >exit.new && mv exit.new exit
  } || fail 73 "the end of generation $1 (code $code) cannot be recorded"
  echo "flotilla: runtime generation $1 ended with code $code"
}

while [ -z "$stopping" ]; do
  if wanted; then
    generation "$n"
  else
    idle=1
    [ -z "$stopping" ] || break
    read -r _ <&5 || fail 71 'the wake FIFO is broken'
    idle=
  fi
done
exit 143
