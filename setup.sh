#!/bin/sh
# Makes .venv with exactly the locked packages; `make` calls it when they changed. Nothing outside .venv is touched.
set -eu
cd "$(dirname "$0")"
unset PYTHONDONTWRITEBYTECODE

is_suitable() {
    "$1" -c 'import sys, venv, ensurepip; sys.exit(not (3, 11) <= sys.version_info[:2] <= (3, 13))' >/dev/null 2>&1
}

if ! is_suitable .venv/bin/python; then
    python=
    for candidate in python3.13 python3.12 python3.11 python3; do
        if is_suitable "$candidate"; then python=$candidate; break; fi
    done
    if [ -z "$python" ]; then
        echo "Python 3.11, 3.12 or 3.13 with its venv module is needed; none of python3.13, python3.12, python3.11" >&2
        echo "and python3 is one. On Debian or Ubuntu: apt-get install python3 python3-venv" >&2
        exit 1
    fi
    echo "Making .venv with $("$python" --version)"
    "$python" -m venv --clear .venv
fi

# The installer comes out of the lock too, so it is the one that was chosen, byte for byte.
installer=.venv/installer.txt
awk '/^[^ ]/ { keep = /^uv==/ } keep' requirements.lock > "$installer"
.venv/bin/python -m pip install --quiet --disable-pip-version-check --require-hashes --requirement "$installer"

echo "Installing $(grep -c '^[a-z0-9].*==' requirements.lock) locked packages and compiling them (about a minute, once)"
.venv/bin/uv pip install --quiet --python .venv/bin/python --require-hashes --compile-bytecode --requirement requirements.lock ||
    .venv/bin/python -m pip install --quiet --disable-pip-version-check --require-hashes --requirement requirements.lock
.venv/bin/uv pip install --quiet --python .venv/bin/python --no-deps --no-build-isolation --offline --editable .
.venv/bin/python -m compileall -q orchestration expectations tests
# dbt parses the project once for each of its states; done here, no run waits for it.
DBT_SEND_ANONYMOUS_USAGE_STATS=false .venv/bin/python -c \
    "from orchestration.defs.dbt_project import parsed_project; parsed_project()"
