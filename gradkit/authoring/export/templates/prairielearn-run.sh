#!/bin/sh
# PrairieLearn runs this in the container for each submission: run.sh TASK
set -u
grade=${GRADKIT_GRADE:-/grade}
here=$(cd "$(dirname "$0")" && pwd)

# Nobody but root reads model solutions: students' code runs as another user.
mkdir -p "$grade/results"
chmod -R go= "$here"

# Bytecode of model solutions is not left lying about.
export PYTHONDONTWRITEBYTECODE=1
results="$grade/results/results.json"
gradkit check "$grade/student" --task "$1" {{ options }} \
    --require-tier "${GRADKIT_REQUIRE_TIER:-{{ tier }}}" \
    --format prairielearn --out "$results"
code=$?

# 1, 2 and 3 are told in the results; without any, it is our fault and no attempt of the student's.
if [ -s "$results" ]; then exit 0; fi
echo "gradkit ended with $code and wrote no results" >&2
exit 1
