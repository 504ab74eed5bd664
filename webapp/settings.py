"""Every setting of Sonoloop, each read once from the environment through a reader that fails loudly.

All names start with SONOLOOP_ but the three URLs (DATABASE_URL, REDIS_URL, STORAGE_URL).
`docs/operate.md` lists them for the people who run an instance.
"""

import os
import secrets
from datetime import timedelta
from pathlib import Path
from typing import Any

import environ
from django.http.request import split_domain_port

from webapp import broker
from webapp.environment import BadSetting, read_flag, read_list, read_number, read_text

BASE_DIR = Path(__file__).resolve().parent.parent
FRONTEND_DIST = BASE_DIR / "frontend" / "dist"

# --- Where things are ----------------------------------------------------------------------------

DATA_FOLDER = broker.data_folder()
HOST = read_text("SONOLOOP_HOST", "127.0.0.1")
PORT = read_number("SONOLOOP_PORT", 8000, low=1, high=65535)
ADMIN_PASSWORD = read_text("SONOLOOP_ADMIN_PASSWORD")
DEMO = read_flag("SONOLOOP_DEMO", True)
HTTPS = read_flag("SONOLOOP_HTTPS", False)  # a reverse proxy in front speaks HTTPS and says so in X-Forwarded-Proto
DEBUG = read_flag("SONOLOOP_DEBUG", False)

if read_text("STORAGE_URL"):
    raise BadSetting(
        "STORAGE_URL is set, but object storage arrives with a later version; "
        "unset it: files are kept in the data folder (SONOLOOP_DATA)"
    )


def secret_key() -> str:
    """SONOLOOP_SECRET_KEY, else a key made once and kept in the data folder, readable by its owner only."""
    given = read_text("SONOLOOP_SECRET_KEY")
    if given:
        if len(given) < 32:
            raise BadSetting(f"SONOLOOP_SECRET_KEY has {len(given)} characters; expected at least 32 random ones")
        return given
    DATA_FOLDER.mkdir(mode=0o700, parents=True, exist_ok=True)
    path = DATA_FOLDER / "secret_key"
    if not path.exists():
        # Two processes may start at once: each writes its own file, link() lets exactly one of them win.
        mine = DATA_FOLDER / f"secret_key.{os.getpid()}"
        with os.fdopen(os.open(mine, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "w") as file:
            file.write(secrets.token_urlsafe(48))
            file.flush()
            os.fsync(file.fileno())
        try:
            os.link(mine, path)
        except FileExistsError:
            pass  # the other process was first; its key is the key
        finally:
            mine.unlink()
    key = path.read_text().strip()
    if len(key) < 32:
        raise BadSetting(f"{path} holds {len(key)} characters; delete it to get a new key (everybody signs in again)")
    return key


SECRET_KEY = secret_key()

# The machine itself always, for the supervisor asks there whether all is well.
ALLOWED_HOSTS = ["localhost", "127.0.0.1", "[::1]", *read_list("SONOLOOP_ALLOWED_HOSTS")]
if HOST not in ("0.0.0.0", "::", *ALLOWED_HOSTS):  # noqa: S104 - compared, not bound
    ALLOWED_HOSTS.append(split_domain_port(HOST)[0] or HOST)

# --- Application ---------------------------------------------------------------------------------

INSTALLED_APPS = [
    "django.contrib.contenttypes",
    "django.contrib.auth",
    "django.contrib.sessions",
    "axes",
    "rest_framework",
    "drf_spectacular",
    "webapp",
    "annotation",
]

MIDDLEWARE = [
    "django.middleware.security.SecurityMiddleware",
    "csp.middleware.CSPMiddleware",  # before WhiteNoise, or the built page would carry no policy
    "whitenoise.middleware.WhiteNoiseMiddleware",
    "django.contrib.sessions.middleware.SessionMiddleware",
    "django.middleware.common.CommonMiddleware",
    "django.middleware.csrf.CsrfViewMiddleware",
    "django.contrib.auth.middleware.AuthenticationMiddleware",
    "django.middleware.clickjacking.XFrameOptionsMiddleware",
    "axes.middleware.AxesMiddleware",  # last: it turns a locked-out sign-in into its answer
]

ROOT_URLCONF = "webapp.urls"
ASGI_APPLICATION = "webapp.asgi.application"
TEMPLATES: list[dict[str, Any]] = []
APPEND_SLASH = False  # the API's addresses are exact
DEFAULT_AUTO_FIELD = "django.db.models.BigAutoField"
LANGUAGE_CODE = "en-us"
TIME_ZONE = "UTC"
USE_TZ = True
USE_I18N = False

# --- Database ------------------------------------------------------------------------------------

SQLITE_PRAGMAS = (
    "PRAGMA journal_mode=WAL;"
    # FULL, not NORMAL: what was answered with 2xx must be there after a power cut too (promise 3).
    "PRAGMA synchronous=FULL;"
    "PRAGMA cache_size=-8000;"  # kB for each of the kept connections
    "PRAGMA temp_store=MEMORY;"
    "PRAGMA journal_size_limit=67108864;"
)


def database() -> dict[str, Any]:
    """PostgreSQL by DATABASE_URL, else SQLite in the data folder."""
    url = read_text("DATABASE_URL")
    if not url:
        return {
            "ENGINE": "webapp.sqlite",
            "NAME": DATA_FOLDER / "sonoloop.sqlite3",
            "OPTIONS": {
                # A deferred transaction that turns into a write fails at once when another writer was
                # faster, whatever the timeout; IMMEDIATE waits its turn instead.
                "transaction_mode": "IMMEDIATE",
                "timeout": 20,
                "init_command": SQLITE_PRAGMAS,
            },
            # A file, so that tests meet the same locking as production does.
            "TEST": {"NAME": DATA_FOLDER / "test.sqlite3"},
        }
    if not url.startswith(("postgres://", "postgresql://")):
        scheme = url.partition("://")[0] if "://" in url else "no scheme"
        raise BadSetting(
            f"DATABASE_URL starts with {scheme!r}; expected postgresql://user:password@host:5432/name, "
            "or unset it to use SQLite in the data folder"
        )
    return {**environ.Env.db_url_config(url), "CONN_HEALTH_CHECKS": True}


# Connections are kept by the threads that keep them (webapp.threads): opening one costs more than most queries.
DATABASES = {"default": {**database(), "CONN_MAX_AGE": 600}}

# --- Files ---------------------------------------------------------------------------------------

STORAGES = {
    "default": {
        "BACKEND": "django.core.files.storage.FileSystemStorage",
        "OPTIONS": {"location": DATA_FOLDER / "files"},
    },
    "staticfiles": {"BACKEND": "django.contrib.staticfiles.storage.StaticFilesStorage"},
}
FILE_UPLOAD_PERMISSIONS = 0o600
FILE_UPLOAD_DIRECTORY_PERMISSIONS = 0o700
# Request bodies too large for memory are patients' data too: they stay inside the data folder.
FILE_UPLOAD_TEMP_DIR = DATA_FOLDER / "tmp"
FILE_UPLOAD_TEMP_DIR.mkdir(mode=0o700, parents=True, exist_ok=True)

# What may come without a question (webapp.bodies): the largest is a list of 10 000 frame indices.
DATA_UPLOAD_MAX_MEMORY_SIZE = 3 << 20
# Small uploads stay in memory; larger ones go to a file whose name says nothing about the person's file.
FILE_UPLOAD_HANDLERS = [
    "django.core.files.uploadhandler.MemoryFileUploadHandler",
    "annotation.ingest.uploads.NamelessTemporaryFile",
]

# --- People --------------------------------------------------------------------------------------

AUTH_USER_MODEL = "annotation.User"
AUTHENTICATION_BACKENDS = [
    "axes.backends.AxesStandaloneBackend",  # first: while locked out, no password is looked at
    "django.contrib.auth.backends.ModelBackend",
]
AUTH_PASSWORD_VALIDATORS = [
    {"NAME": "django.contrib.auth.password_validation.UserAttributeSimilarityValidator"},
    {"NAME": "django.contrib.auth.password_validation.MinimumLengthValidator", "OPTIONS": {"min_length": 10}},
    {"NAME": "django.contrib.auth.password_validation.CommonPasswordValidator"},
]

# Ten wrong passwords for one name from one address: fifteen minutes of rest for that pair only, so nobody
# can lock a colleague out. A right password in between starts the count afresh.
AXES_FAILURE_LIMIT = 10
AXES_COOLOFF_TIME = timedelta(minutes=15)
AXES_LOCKOUT_PARAMETERS = [["username", "ip_address"]]
AXES_RESET_ON_SUCCESS = True
AXES_RESET_COOL_OFF_ON_FAILURE_DURING_LOCKOUT = False
AXES_DISABLE_ACCESS_LOG = True  # our audit rows record sign-ins
AXES_ENABLE_ADMIN = False
AXES_VERBOSE = False
AXES_LOCKOUT_CALLABLE = "webapp.views.locked_out"

SESSION_COOKIE_AGE = 12 * 60 * 60  # one working day
SESSION_COOKIE_HTTPONLY = True
SESSION_COOKIE_SAMESITE = "Lax"
SESSION_COOKIE_SECURE = HTTPS
SESSION_COOKIE_NAME = "sonoloop_session"
CSRF_COOKIE_SECURE = HTTPS
CSRF_COOKIE_SAMESITE = "Lax"
CSRF_FAILURE_VIEW = "webapp.views.csrf_failed"

# --- Browser security ----------------------------------------------------------------------------

if HTTPS:
    SECURE_PROXY_SSL_HEADER = ("HTTP_X_FORWARDED_PROTO", "https")
    SECURE_HSTS_SECONDS = 365 * 24 * 60 * 60
SECURE_CONTENT_TYPE_NOSNIFF = True
SECURE_REFERRER_POLICY = "same-origin"
X_FRAME_OPTIONS = "DENY"
CONTENT_SECURITY_POLICY = {
    "DIRECTIVES": {
        "default-src": ["'self'"],
        "script-src": ["'self'"],
        "style-src": ["'self'", "'unsafe-inline'"],  # Mantine sets style attributes
        "img-src": ["'self'", "blob:", "data:"],
        "media-src": ["'self'", "blob:"],
        "font-src": ["'self'", "data:"],
        "worker-src": ["'self'", "blob:"],
        "connect-src": ["'self'"],
        "object-src": ["'none'"],
        "base-uri": ["'none'"],
        "form-action": ["'self'"],
        "frame-ancestors": ["'none'"],
    }
}

# --- Built screens -------------------------------------------------------------------------------

STATIC_URL = "static/"
STATIC_ROOT = None
if FRONTEND_DIST.is_dir():  # absent before the first build; `webapp.views.screens` then says what to do
    WHITENOISE_ROOT = FRONTEND_DIST
WHITENOISE_USE_FINDERS = False
WHITENOISE_AUTOREFRESH = False
WHITENOISE_ALLOW_ALL_ORIGINS = False
WHITENOISE_MAX_AGE = 0


def WHITENOISE_IMMUTABLE_FILE_TEST(path: str, url: str) -> bool:
    """Vite puts a hash of the content into every name under /assets/: such a file never changes."""
    return url.startswith("/assets/")


# --- API -----------------------------------------------------------------------------------------

REST_FRAMEWORK = {
    "DEFAULT_AUTHENTICATION_CLASSES": [
        "annotation.api.authentication.BearerAuthentication",
        "rest_framework.authentication.SessionAuthentication",
    ],
    "DEFAULT_PERMISSION_CLASSES": ["rest_framework.permissions.IsAuthenticated"],
    "DEFAULT_RENDERER_CLASSES": ["rest_framework.renderers.JSONRenderer"],
    "DEFAULT_PARSER_CLASSES": [
        "rest_framework.parsers.JSONParser",
        "rest_framework.parsers.MultiPartParser",
    ],
    "DEFAULT_SCHEMA_CLASS": "annotation.api.schema.Schema",
    "EXCEPTION_HANDLER": "annotation.api.errors.exception_handler",
    "TEST_REQUEST_DEFAULT_FORMAT": "json",
    "UNAUTHENTICATED_USER": "django.contrib.auth.models.AnonymousUser",
}
SPECTACULAR_SETTINGS = {
    "TITLE": "Sonoloop",
    "DESCRIPTION": "Ultrasound videos become a curated dataset and a model that keeps improving.",
    "VERSION": "0.1.0",
    "OAS_VERSION": "3.1.0",
    "SERVE_INCLUDE_SCHEMA": False,
    "SERVE_PERMISSIONS": ["rest_framework.permissions.AllowAny"],
    "SCHEMA_PATH_PREFIX": "/api",
    "COMPONENT_SPLIT_REQUEST": True,
    "POSTPROCESSING_HOOKS": [
        "drf_spectacular.hooks.postprocess_schema_enums",
        "annotation.api.schema.complete_answers",
    ],
    "ENUM_GENERATE_CHOICE_DESCRIPTION": False,
    "ENUM_NAME_OVERRIDES": {
        "RoleEnum": "annotation.models.Membership.Role",
        "FrameState": "annotation.models.Frame.State",
        "ClipState": "annotation.models.Clip.State",
        "JobState": "annotation.models.Job.State",
        "RunState": "annotation.models.TrainingRun.State",
        "ExportState": "annotation.models.Export.State",
        "PropagationDirection": "annotation.models.Propagation.Direction",
    },
}

# --- Queue ---------------------------------------------------------------------------------------

CELERY_BROKER_URL = broker.celery_url()

# --- Logging -------------------------------------------------------------------------------------

# One plain line per event. No request bodies, no query strings, no file names: they can identify a patient.
LOGGING = {
    "version": 1,
    "disable_existing_loggers": False,
    "formatters": {
        "line": {"format": "%(asctime)s %(levelname)s %(name)s %(message)s"},
    },
    "handlers": {"console": {"class": "logging.StreamHandler", "formatter": "line"}},
    "root": {"handlers": ["console"], "level": "INFO"},
    "loggers": {
        # Says "Not Found: <path>" for every 404; the access log has that line already.
        "django.request": {"level": "ERROR"},
        "axes": {"level": "WARNING"},
    },
}
