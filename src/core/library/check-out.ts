/**
 * Makes the home a clone of a bundle that lies in it. Arguments: bundle, address of the origin, branch. May be repeated.
 * Nothing of the machine's own git settings takes part and no hook runs. What runtimes and people keep beside the code is
 * left out of commits.
 */
export const checkOut = `set -eu
export GIT_CONFIG_NOSYSTEM=1 GIT_CONFIG_GLOBAL=/dev/null GIT_TERMINAL_PROMPT=0 LC_ALL=C
quiet() { git -c core.hooksPath=/dev/null "$@"; }
quiet init -q .
quiet config remote.origin.url "$2"
quiet config remote.origin.fetch '+refs/heads/*:refs/remotes/origin/*'
quiet fetch -q --no-auto-gc "$1" '+refs/heads/*:refs/remotes/origin/*' '+refs/tags/*:refs/tags/*'
quiet checkout -q -f -B "$3" "refs/remotes/origin/$3"
quiet branch -q --set-upstream-to="origin/$3" "$3"
quiet symbolic-ref refs/remotes/origin/HEAD "refs/remotes/origin/$3"
mkdir -p .git/info
cat > .git/info/exclude <<'END'
/.bash*
/.profile
/.cache/
/.config/
/.local/
/.npm/
/.ssh/
/.claude/
/.claude.json*
/.codex/
/.gemini/
/.env
/.env.*
!/.env.example
/.credentials.enc
/.mcp.json
/shared-in/
/shared-out/
END
`;
