#!/bin/sh
# Installs the programs of the distribution that some tests work against.
#
# For machines that run nothing else, such as those of continuous
# integration: it needs Debian (or one of its children) and root, and
# does nothing elsewhere. No service is started. A test whose program is
# missing is skipped and says so, so that a failure here ends nothing.
#
#   etcd-server               an etcd that survives being killed
#   snmpd                     a device to poll
#   prometheus                promtool, which checks the alert rules
#   chromium-headless-shell,  a browser that looks at the admin page
#   chromium-driver
#   systemd                   systemd-analyze, which checks the units
set -u

PACKAGES='etcd-server snmpd prometheus chromium-headless-shell
    chromium-driver systemd'

if [ "$(id -u)" != 0 ] || ! command -v apt-get >/dev/null; then
    echo 'peers: not root on a Debian system, nothing is installed'
    exit 0
fi
missing=
for package in $PACKAGES; do
    dpkg-query -W -f '${Status}' "$package" 2>/dev/null |
        grep -q ' installed$' || missing="$missing $package"
done
[ -n "$missing" ] || exit 0
echo "peers: installing$missing"
# The run level keeps the packages' scripts from starting services.
export DEBIAN_FRONTEND=noninteractive RUNLEVEL=1
limited='timeout 600 apt-get -qq -o Acquire::Retries=3'
limited="$limited -o DPkg::Lock::Timeout=300"
$limited update >/dev/null &&
    # shellcheck disable=SC2086
    $limited install --yes --no-install-recommends $missing >/dev/null ||
    echo 'peers: that failed; the tests that need them are skipped'
exit 0
