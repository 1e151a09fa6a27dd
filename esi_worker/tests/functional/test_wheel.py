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

"""What an operator does: install the wheel, run the service from it.

The environment is empty but for the wheel and what it requires, and
knows nothing of the checkout.
"""

from __future__ import annotations

import contextlib
from importlib import metadata
import os
from pathlib import Path
import shutil
import signal
import subprocess
import sys
import tempfile
from typing import ClassVar

import testtools

from esi_worker import store, version
from esi_worker.embedded import EtcdServer
from esi_worker.store import etcd

ROOT = Path(__file__).absolute().parents[3]
SCRIPTS = ('esi-worker', 'esi-worker-manage', 'esi-collector')
SCRIPTS_OF_EXTRAS = ('esi-worker-demo',)
START_TIMEOUT = 120.0
STOP_TIMEOUT = 60.0

NOT_COPIED = (
    *('.venv', '.tox', '.*_cache', '.hypothesis', '.run', '.stestr'),
    *('__pycache__', '*.egg-info', 'build', 'dist', 'cover'),
)

CONFIG = """\
[etcd]
endpoints = {endpoint}
[heat]
auth_type = none
endpoint_override = http://127.0.0.1:9/v1
"""


class WheelTest(testtools.TestCase):
    folder: ClassVar[Path]
    environment: ClassVar[Path]

    @classmethod
    def setUpClass(cls) -> None:
        super().setUpClass()
        if not (ROOT / 'setup.cfg').is_file():
            raise cls.skipException('there is no checkout to build from')
        cls.folder = Path(tempfile.mkdtemp(prefix='esi-worker-wheel-'))
        cls.addClassCleanup(shutil.rmtree, cls.folder, ignore_errors=True)
        cls.environment = cls.folder / 'environment'
        _install(build(cls.folder), cls.environment)

    def test_ships_templates_and_the_sample_configuration(self) -> None:
        share = self.environment / 'share' / 'esi-worker' / 'templates'
        sample = self.environment / 'etc/esi-worker/esi-worker.conf.sample'
        for path in _files(ROOT / 'templates'):
            self.assertTrue((share / path).is_file(), path)
        self.assertIn('[etcd]', sample.read_text())

    def test_ships_the_data_inside_the_package(self) -> None:
        (site,) = self.environment.glob('lib/python*/site-packages')
        for path in _files(ROOT / 'esi_worker'):
            if path.suffix not in ('.py', '.pyc'):
                self.assertTrue((site / 'esi_worker' / path).is_file(), path)

    def test_every_script_shows_its_help_and_version(self) -> None:
        for script in SCRIPTS + SCRIPTS_OF_EXTRAS:
            self.assertIn('usage:', self.run_script(script, '--help'))
            shown = self.run_script(script, '--version')
            self.assertIn(version.version(), shown)

    def test_finds_the_templates_it_ships(self) -> None:
        config = self.config(self.start_etcd())
        names = self.run_script(
            *('esi-worker-manage', '--config-file', str(config)),
            *('template', 'list', '-f', 'value', '-c', 'ID'),
        )
        self.assertIn('port', names.split())

    def test_service_is_elected_and_stops_when_told(self) -> None:
        server = self.start_etcd()
        client = self.enterContext(etcd.EtcdStore([server.endpoint]))
        watch = self.enterContext(
            client.watch({store.KeyLayout().election: 0})
        )
        service = self.start_service(self.config(server))
        self.wait_for_change(watch, service)
        service.send_signal(signal.SIGTERM)
        self.assertEqual(0, service.wait(STOP_TIMEOUT), self.log())

    def start_etcd(self) -> EtcdServer:
        folder = Path(tempfile.mkdtemp(dir=self.folder))
        server = EtcdServer(folder, unsafe_no_fsync=True)
        self.enterContext(server)
        return server

    def config(self, server: EtcdServer) -> Path:
        path = server.data_dir.parent / 'esi-worker.conf'
        path.write_text(CONFIG.format(endpoint=server.endpoint))
        return path

    def run_script(self, script: str, *arguments: str) -> str:
        result = subprocess.run(
            [self.environment / 'bin' / script, *arguments],
            cwd=self.folder,
            env=hidden_environment(self.folder),
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            timeout=60,
        )
        self.assertEqual(0, result.returncode, f'{script}: {result.stderr}')
        return str(result.stdout)

    def start_service(self, config: Path) -> subprocess.Popen[bytes]:
        command: list[str | Path] = [self.environment / 'bin' / 'esi-worker']
        with self.log_path.open('wb') as log:
            service = subprocess.Popen(
                [*command, '--role', 'all', '--config-file', config],
                cwd=self.folder,
                env=hidden_environment(self.folder),
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=subprocess.STDOUT,
                start_new_session=True,
            )
        self.addCleanup(_kill_group, service)
        return service

    def wait_for_change(
        self, watch: store.Watch, service: subprocess.Popen[bytes]
    ) -> None:
        """Wait until somebody is elected while the service lives."""
        for _ in range(int(START_TIMEOUT)):
            if watch.next(1.0) is not None:
                return
            self.assertIsNone(service.poll(), self.log())
        self.fail(f'nobody was elected in time; {self.log()}')

    @property
    def log_path(self) -> Path:
        return self.folder / 'service.log'

    def log(self) -> str:
        return f'its log:\n{self.log_path.read_text()}'


def build(folder: Path, number: str = '') -> Path:
    """Build the wheel of the checkout with the installed build backend.

    It is built from a copy, for what lies around in the folder build of
    the checkout would end up in the wheel.

    :param number: its version; by default the one that is installed, for
        git may not be there to tell
    """
    copy = folder / 'source'
    shutil.copytree(
        ROOT, copy, ignore=shutil.ignore_patterns(*NOT_COPIED), symlinks=True
    )
    _pip(
        *('wheel', '--no-deps', '--no-build-isolation', '-w', folder, copy),
        PBR_VERSION=number or version.version(),
    )
    (wheel,) = folder.glob('esi_worker-*.whl')
    return wheel


def _install(wheel: Path, environment: Path) -> None:
    """Install the wheel and what it requires into a new environment.

    The versions are those installed here: these are the ones under test,
    and pip has them in its cache.
    """
    subprocess.run(
        [sys.executable, '-m', 'venv', '--without-pip', environment],
        check=True,
    )
    constraints = write_constraints(environment)
    _pip(
        *('--python', environment / 'bin' / 'python', 'install'),
        *('--no-compile', '-c', constraints, wheel),
    )


def write_constraints(folder: Path) -> Path:
    """A file for pip that demands the versions of here."""
    path = folder / 'constraints.txt'
    path.write_text(
        ''.join(
            f'{package.name}=={package.version}\n'
            for package in metadata.distributions()
            if package.name != 'esi-worker'
        )
    )
    return path


def _pip(*arguments: str | Path, **variables: str) -> None:
    command = [sys.executable, '-m', 'pip', '--quiet', '--no-input']
    result = subprocess.run(
        [*command, *arguments],
        env={**os.environ, **variables},
        capture_output=True,
        text=True,
        timeout=300,
    )
    if result.returncode:
        raise AssertionError(f'pip failed:\n{result.stdout}{result.stderr}')


def hidden_environment(home: Path) -> dict[str, str]:
    """Variables under which a process sees nothing of the checkout."""
    hidden = ('PYTHONPATH', 'VIRTUAL_ENV', 'PYTHONDONTWRITEBYTECODE')
    kept = {
        name: value for name, value in os.environ.items() if name not in hidden
    }
    return {**kept, 'HOME': str(home)}


def _files(folder: Path) -> list[Path]:
    return [
        path.relative_to(folder)
        for path in folder.rglob('*')
        if path.is_file() and not path.name.startswith('.')
    ]


def _kill_group(service: subprocess.Popen[bytes]) -> None:
    with contextlib.suppress(ProcessLookupError):
        os.killpg(service.pid, signal.SIGKILL)
    service.wait()
