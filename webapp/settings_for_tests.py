"""The settings, with a throw-away data folder: tests never see or touch a real instance's data.

pytest and mypy use this module; nothing else does. Only what would make tests slow or unsafe differs.
"""

import atexit
import os
import shutil
import tempfile

_folder = tempfile.mkdtemp(prefix="sonoloop-tests-")
_owner = os.getpid()


def _remove_folder() -> None:
    # A forked child inherits this hook; only the process that made the folder may remove it.
    if os.getpid() == _owner:
        shutil.rmtree(_folder, ignore_errors=True)


atexit.register(_remove_folder)

for _name in [name for name in os.environ if name.startswith("SONOLOOP_")] + ["REDIS_URL", "STORAGE_URL"]:
    os.environ.pop(_name, None)
os.environ["SONOLOOP_DATA"] = _folder

from webapp.settings import *  # noqa: E402, F403

# Real hashing takes half a second for each user a test makes.
PASSWORD_HASHERS = ["django.contrib.auth.hashers.MD5PasswordHasher"]
# Messages go to a queue inside the process: tests that want a real broker start the real process tree.
CELERY_BROKER_URL = "memory://"
