#!/usr/bin/env bash
# Gradescope runs this for each submission. It marks /autograder/submission and writes
# /autograder/results/results.json; what it prints is for instructors.
set -uo pipefail
root=${GRADKIT_AUTOGRADER:-/autograder}
source="$root/source"

# What earlier submissions got, and what the answers are, is nothing for students' code.
chmod -R go= "$source"
if [[ -e $root/submission_metadata.json ]]; then chmod go= "$root/submission_metadata.json"; fi

# Bytecode of model solutions is not left lying about.
export PYTHONDONTWRITEBYTECODE=1
results="$root/results/results.json"
rm -f "$results"
"$root/gradkit/bin/gradkit" check "$root/submission" {{ options }} \
    --require-tier "${GRADKIT_REQUIRE_TIER:-{{ tier }}}" \
    --format gradescope --out "$results"
code=$?

# 1: something is wrong with the submission; 3: something could not be checked. Either is in the
# results, and so is 2 where the submission could not be read. Without results it is our fault,
# and Gradescope tells the student to ask.
if [[ -s $results ]]; then exit 0; fi
echo "gradkit ended with $code and wrote no results" >&2
exit 1
