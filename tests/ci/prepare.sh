#!/bin/sh
# Usage: prepare.sh bench|demo|test
# Find a python3 that is new enough, then let it make the environments. What a machine lacks is the first line printed, as the command that installs it.
set -eu

missing=""
python=""
for candidate in python3 python3.14 python3.13 python3.12 python3.11; do
    # sys.executable: the interpreter itself, never a version manager's shim, which answers only in some folders.
    python=$("$candidate" -c 'import sys; print(sys.executable if sys.version_info >= (3, 11) else "")' 2>/dev/null) || python=""
    if [ -n "$python" ]; then break; fi
done
if [ -z "$python" ]; then
    missing="python3 python3-venv"
elif ! "$python" -c 'import ensurepip, venv' 2>/dev/null; then
    missing="python3-venv"
fi
command -v git >/dev/null || missing="$missing git"
if [ -n "$missing" ]; then
    # shellcheck disable=SC2086  # the words are separate packages
    set -- $missing
    echo "apt install $*"
    echo "This machine lacks what the line above installs (as root; Python 3.11 or newer is needed)."
    exit 1
fi
exec "$python" "$(dirname "$0")/prepare.py" "$@"
