#!/bin/sh
# Makes the virtual environment of the Makefile's targets.
#
#   tools/venv.sh FOLDER
#
# PYTHON names the interpreter; without it the first of python3,
# python3.11 ... that is new enough is taken. On the platform of
# constraints.txt exactly the packages named there are installed, on
# others what the requirement ranges give. Running it again is harmless.
set -eu

PIP=pip==26.3
folder=$1
cd "$(dirname "$0")/.."
# A cached .pyc saves seconds at every start of a service.
unset PYTHONDONTWRITEBYTECODE PYTHONPATH PYTHONHOME || true
export PIP_DISABLE_PIP_VERSION_CHECK=1 PIP_NO_INPUT=1
export PIP_ROOT_USER_ACTION=ignore

fail() {
    echo "venv: $1" >&2
    exit 1
}

is_new_enough() {
    "$1" -c 'import sys; sys.exit(sys.version_info < (3, 11))' 2>/dev/null
}

find_python() {
    for candidate in ${PYTHON:-python3 python3.11 python3.12 python3.13}; do
        if is_new_enough "$candidate"; then
            echo "$candidate"
            return
        fi
    done
    fail "Python 3.11 or newer is needed, and ${PYTHON:-python3} is not that;\
 name one with: make PYTHON=/path/to/python3.11"
}

is_platform_of_the_lock() {
    "$1" -c 'import platform, sys; sys.exit((
        sys.implementation.name, sys.version_info[:2], sys.platform,
        platform.machine()) != ("cpython", (3, 11), "linux", "x86_64"))'
}

# pbr takes the version from git, which needs the history for that.
if [ "$(git rev-parse --is-shallow-repository 2>/dev/null)" != false ]; then
    PBR_VERSION=${PBR_VERSION:-$(sed -n 's/^version = //p' setup.cfg).dev1}
    export PBR_VERSION
fi

python=$(find_python)
"$python" -c 'import ensurepip, venv' 2>/dev/null || fail \
    "$python lacks the module venv or ensurepip (Debian: python3-venv)"
# tox leaves a file of this name that points to its last environment.
[ ! -f "$folder" ] || rm "$folder"
"$python" -m venv "$folder"
install="$folder/bin/python -m pip install --quiet --no-compile"
echo "venv: installing into $folder with $("$python" --version);\
 this takes about a minute"
$install $PIP
if is_platform_of_the_lock "$python"; then
    $install --no-deps -r constraints.txt
    # setuptools warns of folders with data and of editable installs.
    PYTHONWARNINGS=ignore $install --no-deps --no-build-isolation -e .
else
    echo 'venv: constraints.txt is for another platform, using ranges'
    PYTHONWARNINGS=ignore $install -r test-requirements.txt \
        -e '.[embedded,pollers,docs]'
fi
