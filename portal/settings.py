"""The one settings file. What a site may choose comes from the environment and is listed in docs/settings.md."""

import os
import secrets
from datetime import timedelta
from pathlib import Path

import environ
from django.core.exceptions import ImproperlyConfigured

from portal.house.places import run_folder

BASE_DIR = Path(__file__).resolve().parent.parent
env = environ.Env()

# --- what a site may choose -------------------------------------------------------------------------------------------
KNOWN = {
    "SKYDECK_DATA", "SKYDECK_HOST", "SKYDECK_PORT", "SKYDECK_URL", "SKYDECK_INSECURE", "SKYDECK_SECRET_KEY",
    "SKYDECK_TIME_ZONE", "SKYDECK_LOG_LEVEL", "SKYDECK_WORKERS", "SKYDECK_SAMPLE", "SKYDECK_ACCEPT_UNFENCED_TRAINING",
}  # fmt: skip
if junk := sorted(name for name in os.environ if name.startswith("SKYDECK_") and name not in KNOWN):
    raise ImproperlyConfigured(f"Unknown setting {', '.join(junk)}. Known are: {', '.join(sorted(KNOWN))}.")

DATA = Path(env.str("SKYDECK_DATA", str(BASE_DIR / "var"))).expanduser().resolve()
HOST = env.str("SKYDECK_HOST", "127.0.0.1")
try:
    PORT = env.int("SKYDECK_PORT", 8000)
    WORKERS = env.int("SKYDECK_WORKERS", max(2, min(8, os.cpu_count() or 2)))
except ValueError as error:
    raise ImproperlyConfigured(f"SKYDECK_PORT and SKYDECK_WORKERS take whole numbers: {error}") from None
if not 1 <= PORT <= 65535:
    raise ImproperlyConfigured(f"SKYDECK_PORT is {PORT}; a port is a number from 1 to 65535.")
if WORKERS < 1:
    raise ImproperlyConfigured(f"SKYDECK_WORKERS is {WORKERS}; at least one worker is needed.")
URL = env.str("SKYDECK_URL", f"http://{'127.0.0.1' if HOST == '0.0.0.0' else HOST}:{PORT}").rstrip("/")  # noqa: S104
INSECURE = env.bool("SKYDECK_INSECURE", False)
SAMPLE = env.bool("SKYDECK_SAMPLE", True)
ACCEPT_UNFENCED_TRAINING = env.bool("SKYDECK_ACCEPT_UNFENCED_TRAINING", False)
TLS = URL.startswith("https://")
if HOST not in ("127.0.0.1", "localhost", "::1") and not TLS and not INSECURE:
    raise ImproperlyConfigured(
        f"SKYDECK_HOST={HOST} would serve passwords over plain HTTP to the network. Put TLS in front and say so with "
        "SKYDECK_URL=https://…, or accept the risk with SKYDECK_INSECURE=true."
    )


def _secret() -> str:
    """The key that signs sessions: from the environment, else made once and kept in the data folder, 0600."""
    if chosen := env.str("SKYDECK_SECRET_KEY", ""):
        return str(chosen)
    path = DATA / "secret"
    try:
        DATA.mkdir(mode=0o700, parents=True, exist_ok=True)
        with open(os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "w") as handle:
            handle.write(secrets.token_urlsafe(50))
    except FileExistsError:
        pass
    except OSError as error:
        raise ImproperlyConfigured(
            f"The data folder {DATA} cannot be written ({error.strerror}). "
            "Make it writable or set SKYDECK_DATA to one that is."
        ) from None
    return path.read_text()


SECRET_KEY = _secret()
DEBUG = False
ALLOWED_HOSTS = ["*"] if INSECURE else ["127.0.0.1", "localhost", "[::1]", environ.urlparse(URL).hostname]
CSRF_TRUSTED_ORIGINS = [URL]
ROOT_URLCONF = "portal.urls"
ASGI_APPLICATION = "portal.asgi.application"

INSTALLED_APPS = [
    "django.contrib.auth",
    "django.contrib.contenttypes",
    "django.contrib.sessions",
    "django.contrib.messages",
    "django.contrib.staticfiles",
    "django_htmx",
    "lucide",
    "django_ace",
    "portal.web",
    "portal.accounts",
    "portal.access",
    "portal.operations",
    "portal.costs",
    "portal.catalog",
    "portal.datasets",
    "portal.queries",
    "portal.training",
]
MIDDLEWARE = [
    "django.middleware.security.SecurityMiddleware",
    "portal.api.middleware.problems",
    "servestatic.middleware.ServeStaticMiddleware",
    "csp.middleware.CSPMiddleware",
    "django.contrib.sessions.middleware.SessionMiddleware",
    "django.middleware.common.CommonMiddleware",
    "django.middleware.csrf.CsrfViewMiddleware",
    "django.contrib.auth.middleware.AuthenticationMiddleware",
    "django.contrib.messages.middleware.MessageMiddleware",
    "django.middleware.clickjacking.XFrameOptionsMiddleware",
    "django_htmx.middleware.HtmxMiddleware",
    "portal.web.middleware.ActorMiddleware",
]
TEMPLATES = [
    {
        "BACKEND": "django.template.backends.django.DjangoTemplates",
        "DIRS": [BASE_DIR / "templates"],
        "APP_DIRS": True,
        "OPTIONS": {
            "context_processors": [
                "django.template.context_processors.request",
                "django.contrib.auth.context_processors.auth",
                "django.contrib.messages.context_processors.messages",
                "csp.context_processors.nonce",
                "portal.web.context.frame",
            ],
            "builtins": ["portal.web.templatetags.skydeck"],
        },
    }
]

# --- database, broker -------------------------------------------------------------------------------------------------
DATABASES = {"default": env.db_url("DATABASE_URL", f"sqlite:///{DATA / 'portal.sqlite3'}")}
if DATABASES["default"]["ENGINE"].endswith("sqlite3"):
    # Measured: four IMMEDIATE writers had no error where DEFERRED ones were "locked" 60 times in 15 s.
    DATABASES["default"]["OPTIONS"] = {
        "transaction_mode": "IMMEDIATE",
        "timeout": 20,
        "init_command": "PRAGMA journal_mode=WAL; PRAGMA synchronous=NORMAL; PRAGMA foreign_keys=ON;",
    }
    # A file, since Django's default for tests (in memory, one cache for all threads) locks as no real database does.
    DATABASES["default"]["TEST"] = {"NAME": str(DATA / "test.sqlite3")}
DEFAULT_AUTO_FIELD = "django.db.models.BigAutoField"
RUN_FOLDER = run_folder(DATA)
REDIS_URL = env.str("REDIS_URL", f"unix://{RUN_FOLDER / 'redis.sock'}?db=0")

# --- clouds -----------------------------------------------------------------------------------------------------------
CONNECTIONS = {
    "local": {
        "provider": "local",
        "root": str(DATA / "local" / "local"),
        "socket": str(RUN_FOLDER / "local.sock"),
        "region": "us-east-1",
    },
}
DEFAULT_CONNECTION = "local"

# --- limits, each beside its reason -----------------------------------------------------------------------------------
UPLOAD_PART_BYTES = 16 * 1024**2  # 160 GB in S3's 10,000 parts; larger files get larger parts
UPLOAD_PARTS_MAX = 10_000  # https://docs.aws.amazon.com/AmazonS3/latest/userguide/qfacts.html
UPLOAD_MAX_BYTES = 5 * 1024**4  # S3's largest object
DATA_UPLOAD_MAX_MEMORY_SIZE = 2 * 1024**2  # of a form or a JSON body; parts of uploads are streamed apart
QUERY_SECONDS = 300
QUERY_MEMORY_BYTES = 2 * 1024**3
QUERY_RESULT_BYTES = 4 * 1024**3
PAGE_ROWS_MAX = 10_000  # rows in one answer of /rows: what a browser or a client takes at once
LEASE = timedelta(seconds=15)  # a worker renews every 5 s; a dead one is replaced well within a minute
WORKER_FRESH = timedelta(seconds=60)  # /readyz wants a worker that answered within this
SIGN_IN_LINK = timedelta(minutes=15)
INVITATION = timedelta(days=7)
WAIT_SECONDS_MAX = 60  # of `Prefer: wait`

# --- people -----------------------------------------------------------------------------------------------------------
AUTH_USER_MODEL = "accounts.User"
LOGIN_URL = "/signin"
LOGIN_REDIRECT_URL = "/"
PASSWORD_HASHERS = [
    "django.contrib.auth.hashers.Argon2PasswordHasher",
    "django.contrib.auth.hashers.PBKDF2PasswordHasher",
]
AUTH_PASSWORD_VALIDATORS = [
    {"NAME": "django.contrib.auth.password_validation.UserAttributeSimilarityValidator"},
    {"NAME": "django.contrib.auth.password_validation.MinimumLengthValidator", "OPTIONS": {"min_length": 10}},
    {"NAME": "django.contrib.auth.password_validation.CommonPasswordValidator"},
]

# Counts of wrong passwords, of the one web process; room enough that nobody can flush them by trying many names.
CACHES = {
    "default": {
        "BACKEND": "django.core.cache.backends.locmem.LocMemCache",
        "OPTIONS": {"MAX_ENTRIES": 100_000},
    }
}

# --- the web ----------------------------------------------------------------------------------------------------------
SESSION_COOKIE_HTTPONLY = True
SESSION_COOKIE_SAMESITE = "Lax"
SESSION_COOKIE_SECURE = CSRF_COOKIE_SECURE = TLS
SESSION_COOKIE_NAME = "skydeck_session"
SECURE_HSTS_SECONDS = 31_536_000 if TLS else 0
SECURE_HSTS_INCLUDE_SUBDOMAINS = SECURE_HSTS_PRELOAD = TLS
SECURE_SSL_REDIRECT = False  # TLS ends in front of us; the proxy redirects
SECURE_PROXY_SSL_HEADER = ("HTTP_X_FORWARDED_PROTO", "https") if TLS else None
SECURE_REFERRER_POLICY = "same-origin"
X_FRAME_OPTIONS = "DENY"
APPEND_SLASH = False
CONTENT_SECURITY_POLICY = {
    "DIRECTIVES": {
        "default-src": ["'self'"],
        "img-src": ["'self'", "data:", "blob:"],
        "object-src": ["'none'"],
        "base-uri": ["'none'"],
        "form-action": ["'self'"],
        "frame-ancestors": ["'none'"],
    }
}
MESSAGE_STORAGE = "django.contrib.messages.storage.session.SessionStorage"
STATIC_URL = "static/"
STATIC_ROOT = DATA / "static"
STATICFILES_DIRS = [BASE_DIR / "static"]
STATICFILES_FINDERS = [
    "django.contrib.staticfiles.finders.FileSystemFinder",
    "django.contrib.staticfiles.finders.AppDirectoriesFinder",
    "portal.web.finders.PackageDataFinder",
]
SERVESTATIC_USE_FINDERS = True
SERVESTATIC_MAX_AGE = 3600
STORAGES = {
    "default": {"BACKEND": "django.core.files.storage.FileSystemStorage"},
    "staticfiles": {"BACKEND": "django.contrib.staticfiles.storage.StaticFilesStorage"},
}

LANGUAGE_CODE = "en-gb"
TIME_ZONE = env.str("SKYDECK_TIME_ZONE", "UTC")
USE_I18N = False
USE_TZ = True

# --- logs: one line an event, JSON ------------------------------------------------------------------------------------
LOG_LEVEL = env.str("SKYDECK_LOG_LEVEL", "INFO").upper()
if LOG_LEVEL not in ("DEBUG", "INFO", "WARNING", "ERROR"):
    raise ImproperlyConfigured(f"SKYDECK_LOG_LEVEL is {LOG_LEVEL}; it takes DEBUG, INFO, WARNING or ERROR.")
LOGGING = {
    "version": 1,
    "disable_existing_loggers": False,
    "formatters": {
        "json": {
            "()": "pythonjsonlogger.json.JsonFormatter",
            "format": "%(asctime)s %(levelname)s %(name)s %(message)s",
            "rename_fields": {"asctime": "at", "levelname": "level", "name": "logger", "message": "event"},
        }
    },
    "filters": {"secrets": {"()": "portal.web.logs.WithoutSecrets"}},
    "handlers": {"console": {"class": "logging.StreamHandler", "formatter": "json", "filters": ["secrets"]}},
    "root": {"handlers": ["console"], "level": LOG_LEVEL},
}
SILENCED_SYSTEM_CHECKS = (
    [] if TLS else ["security.W004", "security.W008", "security.W012", "security.W016", "security.W021"]
)
if TLS:
    SILENCED_SYSTEM_CHECKS = ["security.W008"]  # the proxy that ends TLS redirects
