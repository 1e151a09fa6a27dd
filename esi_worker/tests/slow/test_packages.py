# Licensed under the Apache License, Version 2.0 (the "License"); you may
# not use this file except in compliance with the License. You may obtain
# a copy of the License at
#
#      http://www.apache.org/licenses/LICENSE-2.0
#
# Unless required by applicable law or agreed to in writing, software
# distributed under the License is distributed on an "AS IS" BASIS, WITHOUT
# WARRANTIES OR CONDITIONS OF ANY KIND, either express or implied. See the
# License for the specific language governing permissions and limitations
# under the License.

"""sdist, wheel and .deb: built, checked, installed, run."""

from __future__ import annotations

import os
from pathlib import Path
import shutil
import subprocess
import sys
import tarfile
import tempfile
from typing import ClassVar

import testtools

from esi_worker import embedded, version
from esi_worker.store import etcd
from esi_worker.tests import threads

ROOT = Path(__file__).absolute().parents[3]
PYTHON = '/usr/bin/python3'
#: Building resolves and compiles everything.
LIMIT = 1800

#: SNMP, NETCONF, and ``[collector] auth = keystone``.
IMPORT_EXTRAS = """\
import keystonemiddleware.auth_token
import ncclient.manager
import pysnmp.hlapi.v3arch.asyncio
for module in (keystonemiddleware, ncclient, pysnmp):
    print(module.__file__)
"""


def run(*command: str, **environment: str) -> str:
    """What a command prints.

    :raises AssertionError: it failed; with all that it printed
    """
    done = subprocess.run(
        command,
        cwd=ROOT,
        env={**os.environ, **environment},
        capture_output=True,
        text=True,
        timeout=LIMIT,
        check=False,
    )
    if done.returncode:
        raise AssertionError(f'{command}: {done.stdout}{done.stderr}')
    return done.stdout


class PackageTest(testtools.TestCase):
    def setUp(self) -> None:
        super().setUp()
        if not (ROOT / 'setup.cfg').is_file():
            self.skipTest('there is no checkout to build from')
        self.folder = Path(tempfile.mkdtemp(prefix='esi-worker-packages-'))
        self.addCleanup(shutil.rmtree, self.folder, ignore_errors=True)


class DistributionTest(PackageTest):
    def test_sdist_and_wheel_are_clean(self) -> None:
        backend = f"""
import pbr.build
pbr.build.build_sdist({str(self.folder)!r})
pbr.build.build_wheel({str(self.folder)!r})
"""
        run(sys.executable, '-c', backend)
        (sdist,) = self.folder.glob('*.tar.gz')
        (wheel,) = self.folder.glob('*.whl')
        checked = run(
            *(sys.executable, '-m', 'twine', '--no-color', 'check'),
            *('--strict', str(sdist), str(wheel)),
        )
        self.assertEqual(2, checked.count('PASSED'), checked)
        with tarfile.open(sdist) as archive:
            names = {name.partition('/')[2] for name in archive.getnames()}
        for wanted in (
            'esi_worker/admin/static/page.js',
            'etc/esi-worker/esi-worker.conf.sample',
            'etc/systemd/esi-worker@.service',
            'templates/port/driver.yaml',
        ):
            self.assertIn(wanted, names)


class DebTest(PackageTest):
    """One package, built once."""

    package: ClassVar[Path | None] = None

    @classmethod
    def setUpClass(cls) -> None:
        super().setUpClass()
        missing = [
            name for name in ('dpkg-deb', 'dpkg') if not shutil.which(name)
        ]
        if missing or not Path(PYTHON).is_file():
            raise cls.skipException(
                'a .deb is built on Debian: dpkg, and a Python in /usr/bin'
            )
        if not (ROOT / 'setup.cfg').is_file():
            raise cls.skipException('there is no checkout to build from')
        output = Path(tempfile.mkdtemp(prefix='esi-worker-deb-'))
        cls.addClassCleanup(shutil.rmtree, output, ignore_errors=True)
        run(
            *('sh', str(ROOT / 'tools' / 'deb' / 'build.sh'), str(output)),
            PYTHON=PYTHON,
            VENV=str(Path(sys.prefix)),
        )
        (cls.package,) = output.glob('*.deb')

    def test_it_holds_what_an_operator_needs(self) -> None:
        listed = run('dpkg-deb', '--contents', str(self.package))
        for wanted in (
            './usr/bin/esi-worker ->',
            './usr/bin/esi-worker-manage ->',
            './usr/bin/esi-worker-status ->',
            './usr/bin/esi-collector ->',
            './etc/esi-worker/esi-worker.conf',
            './etc/esi-worker/logging.conf',
            './lib/systemd/system/esi-worker.service',
            './lib/systemd/system/esi-worker@.service',
            './lib/systemd/system/esi-collector.service',
            './usr/share/bash-completion/completions/esi-worker-manage',
            'esi-worker.conf.sample',
            'prometheus-alerts.yaml',
        ):
            self.assertIn(wanted, listed)
        self.assertNotIn('site-packages/pip/', listed)

    def test_the_libraries_of_the_extras_are_there(self) -> None:
        run('dpkg-deb', '--extract', str(self.package), str(self.folder))
        (site,) = self.folder.glob('usr/lib/esi-worker/lib/*/site-packages')
        # Where it lies is no matter to what it can import; -S leaves out
        # the packages of the system, -P the folder of the test.
        found = run(
            *(PYTHON, '-S', '-P', '-c', IMPORT_EXTRAS),
            PYTHONPATH=str(site),
        )
        for line in found.split():
            self.assertTrue(line.startswith(str(site)), line)
        self.assertEqual(3, len(found.split()), found)

    def test_installed_it_runs_without_the_checkout(self) -> None:
        if os.geteuid():
            self.skipTest('only root can install a package')
        known = subprocess.run(
            ['dpkg-query', '--show', '--showformat=${Status}', 'esi-worker'],
            check=False,
            capture_output=True,
            text=True,
        )
        # What was removed may still be known.
        if known.stdout.endswith(' installed'):
            self.skipTest('esi-worker is installed here; it is left alone')
        self.addCleanup(run, 'dpkg', '--purge', 'esi-worker')
        run('dpkg', '--install', str(self.package))
        shown = run('/usr/bin/esi-worker', '--version', PYTHONPATH='')
        self.assertIn(version.version(), shown)
        for name in ('esi-worker-manage', 'esi-collector'):
            self.assertIn('usage:', run(f'/usr/bin/{name}', '--help'))
        checked = run(
            *('/usr/bin/esi-worker-manage', 'config', 'check'),
            *('--role', 'manager'),
        )
        self.assertIn('can be used', checked)
        mode = Path('/etc/esi-worker/esi-worker.conf').stat().st_mode
        self.assertEqual(0o640, mode & 0o777)
        self.check_service()
        self.check_upgrade()
        self.check_purge()

    def check_service(self) -> None:
        """As the unit runs it: its user, its files, a signal to stop."""
        server = self.enterContext(embedded.EtcdServer(self.folder / 'etcd'))
        config = self.folder / 'our.conf'
        config.write_text(
            '[DEFAULT]\nlog_config_append = /etc/esi-worker/logging.conf\n'
            f'[etcd]\nendpoints = {server.endpoint}\n'
        )
        self.folder.chmod(0o755)
        service = subprocess.Popen(
            [
                *('/usr/bin/esi-worker', '--config-file', str(config)),
                *('--role', 'manager'),
            ],
            cwd='/',
            env={'PATH': os.environ['PATH']},
            user='esi-worker',
            group='esi-worker',
            extra_groups=(),
        )
        self.addCleanup(service.kill)
        with etcd.EtcdStore([server.endpoint]) as store:
            threads.await_key(store, '/job_manager_id')
            shown = run(
                *('/usr/bin/esi-worker-manage', '--config-file', str(config)),
                *('manager', 'show', '-f', 'json'),
            )
            self.assertNotIn('nobody', shown)
            service.terminate()
            self.assertEqual(0, service.wait(LIMIT))
            self.assertIsNone(store.get('/job_manager_id'))

    def check_upgrade(self) -> None:
        """What an operator has written stays."""
        config = Path('/etc/esi-worker/esi-worker.conf')
        config.write_text(f'{config.read_text()}# ours\n')
        run('dpkg', '--force-confold', '--install', str(self.package))
        self.assertIn('# ours', config.read_text())

    def check_purge(self) -> None:
        run('dpkg', '--purge', 'esi-worker')
        for place in ('usr/lib', 'etc', 'var/log'):
            self.assertFalse(Path('/', place, 'esi-worker').exists(), place)
