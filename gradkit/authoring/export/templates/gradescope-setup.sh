#!/usr/bin/env bash
# Gradescope runs this once, as root, when it builds the image of the autograder.
set -euo pipefail
root=${GRADKIT_AUTOGRADER:-/autograder}
source="$root/source"

# Nobody but root reads model solutions: students' code runs as another user.
chmod -R go= "$source"

suits() { command -v "$1" >/dev/null && "$1" -c 'import sys, venv, ensurepip; sys.exit(sys.version_info < (3, 11))'; }
python=
for name in python3.13 python3.12 python3.11 python3; do
    if suits "$name"; then python=$name; break; fi
done
if [[ -z $python ]]; then
    apt-get update
    DEBIAN_FRONTEND=noninteractive apt-get install -y --no-install-recommends python3.11 python3.11-venv
    python=python3.11
fi

"$python" -m venv "$root/gradkit"
torch=${GRADKIT_TORCH-{{ torch }}}
if [[ -n $torch ]]; then
    # shellcheck disable=SC2086  # a package and where it is had
    "$root/gradkit/bin/pip" install --no-cache-dir $torch
fi
"$root/gradkit/bin/pip" install --no-cache-dir {{ install }}
"$root/gradkit/bin/python" -m compileall -q "$root/gradkit/lib" || true
