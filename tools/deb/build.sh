#!/bin/sh
# Builds a .deb that carries its own virtual environment.
#
#   tools/deb/build.sh OUTPUT_FOLDER
#
# Everything of Python lies in /usr/lib/esi-worker, with exactly the
# packages of constraints.txt, those of the extras "pollers" and "keystone"
# among them; commands are links in /usr/bin. PYTHON names
# the interpreter of the target system (default: /usr/bin/python3); the
# package depends on its minor version. VENV (default: .venv) is what
# builds the wheel. Needs no root.
set -eu

[ $# -eq 1 ] || { echo "usage: $0 OUTPUT_FOLDER" >&2; exit 2; }
mkdir -p "$1"
output=$(cd "$1" && pwd)
cd "$(dirname "$0")/../.."
PYTHON=${PYTHON:-/usr/bin/python3}
VENV=${VENV:-.venv}
HOME_OF_ALL=/usr/lib/esi-worker
export PIP_DISABLE_PIP_VERSION_CHECK=1 PIP_NO_INPUT=1
export PIP_ROOT_USER_ACTION=ignore
unset PYTHONPATH PYTHONHOME PYTHONDONTWRITEBYTECODE || true

work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
root=$work/root
home=$root$HOME_OF_ALL

"$VENV/bin/python" -m pip --quiet wheel --no-deps --no-build-isolation \
    --wheel-dir "$work/wheel" .
wheel=$(echo "$work"/wheel/esi_worker-*.whl)

"$PYTHON" -m venv "$home"
"$home/bin/python" -m pip --quiet install --no-compile \
    --constraint constraints.txt "$wheel[pollers,keystone]"
"$home/bin/python" -m pip --quiet uninstall --yes pip setuptools

# The environment was made elsewhere than where it will be.
rm -f "$home"/bin/activate* "$home"/bin/Activate.ps1
for script in "$home"/bin/*; do
    [ -L "$script" ] || sed -i "1s|^#!.*python.*|#!$HOME_OF_ALL/bin/python3|" \
        "$script"
done
sed -i '/^command = /d' "$home/pyvenv.cfg"
if grep -rIl "$work" "$home/bin" "$home/pyvenv.cfg"; then
    echo "deb: the files above still name the place of the build" >&2
    exit 1
fi
# Services may not write there, and would compile at every start.
find "$home" -name __pycache__ -type d -prune -exec rm -rf {} +
"$PYTHON" -m compileall -q -s "$root" -p / \
    --invalidation-mode unchecked-hash "$home/lib"

mkdir -p "$root/usr/bin" "$root/etc/esi-worker" \
    "$root/lib/systemd/system" "$root/usr/share/doc/esi-worker" \
    "$root/usr/share/bash-completion/completions" "$root/DEBIAN"
for name in esi-worker esi-worker-manage esi-worker-status esi-collector; do
    ln -s "../lib/esi-worker/bin/$name" "$root/usr/bin/$name"
done
cp etc/systemd/*.service "$root/lib/systemd/system/"
cp etc/esi-worker/*.sample etc/esi-worker/prometheus-alerts.yaml \
    LICENSE README.rst "$root/usr/share/doc/esi-worker/"
cp tools/deb/esi-worker.conf etc/esi-worker/logging.conf.sample \
    "$root/etc/esi-worker/"
mv "$root/etc/esi-worker/logging.conf.sample" \
    "$root/etc/esi-worker/logging.conf"
"$VENV/bin/esi-worker-manage" complete 2>/dev/null > \
    "$root/usr/share/bash-completion/completions/esi-worker-manage"

version=$("$VENV/bin/python" -c \
    'from esi_worker import version; print(version.version())' |
    sed 's/\.dev/~dev/')
next=$("$PYTHON" -c 'import sys; print("3.%d" % (sys.version_info[1] + 1))')
this=$("$PYTHON" -c 'import sys; print("3.%d" % sys.version_info[1])')
cat > "$root/DEBIAN/control" <<CONTROL
Package: esi-worker
Version: $version
Architecture: $(dpkg --print-architecture)
Maintainer: esi-worker developers <esi-worker@localhost>
Section: net
Priority: optional
Depends: python3 (>= $this~), python3 (<< $next~), adduser
Description: Plugin-based worker framework over etcd that drives Heat
 Reads the desired state of resources from etcd, turns it into jobs, and
 lets handler plugins carry the jobs out. Brings its own virtual
 environment in $HOME_OF_ALL.
CONTROL
printf '%s\n' /etc/esi-worker/esi-worker.conf /etc/esi-worker/logging.conf \
    > "$root/DEBIAN/conffiles"
for name in postinst prerm postrm; do
    install -m 0755 "tools/deb/$name" "$root/DEBIAN/$name"
done
chmod -R u+rwX,go+rX,go-w "$root"
chmod 0640 "$root/etc/esi-worker/esi-worker.conf"
dpkg-deb --root-owner-group -Zxz -z1 --build "$root" \
    "$output/esi-worker_${version}_$(dpkg --print-architecture).deb"
