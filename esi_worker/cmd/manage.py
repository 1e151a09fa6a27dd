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

"""Console script ``esi-worker-manage``: commands for operators."""

from __future__ import annotations

from collections.abc import Sequence
import sys

from esi_worker.cli import app


def main(argv: Sequence[str] | None = None) -> int:
    """Run one command.

    :returns: 0 for done, 1 for failed, 2 for a command line or a
        configuration that cannot be used
    """
    arguments = sys.argv[1:] if argv is None else argv
    return app.ManageApp().run(list(arguments))


if __name__ == '__main__':
    sys.exit(main())
