"""Django's settings. What differs between places comes from the environment, through env.py."""

from importlib.metadata import version
from pathlib import Path

from csp.constants import NONE, SELF
from django.templatetags.static import static
from django.urls import reverse_lazy

from hustings.env import CHECKOUT, read_environment
from hustings.operations.errors import start_reporting
from hustings.operations.logs import logging_settings

ENVIRONMENT = read_environment()
PACKAGE = Path(__file__).resolve().parent

SECRET_KEY = ENVIRONMENT.secret_key
SECRET_KEY_FALLBACKS = list(ENVIRONMENT.secret_key_fallbacks)
# What says who raters are is kept under this one, and under former ones until it is renewed.
IDENTITY_KEY = ENVIRONMENT.identity_key
IDENTITY_KEY_FALLBACKS = list(ENVIRONMENT.identity_key_fallbacks)
DEBUG = ENVIRONMENT.is_debug
ALLOWED_HOSTS = list(ENVIRONMENT.allowed_hosts)
CSRF_TRUSTED_ORIGINS = list(ENVIRONMENT.trusted_origins)

INSTALLED_APPS = [
    "hustings.apps.HustingsConfig",
    "unfold.apps.BasicAppConfig",
    "hustings.apps.HustingsAdminConfig",
    "django.contrib.auth",
    "django.contrib.contenttypes",
    "django.contrib.humanize",
    "django.contrib.messages",
    "django.contrib.sessions",
    "django.contrib.staticfiles",
    "allauth",
    "allauth.account",
    "allauth.mfa",
    "django_filters",
    "rest_framework",
    "knox",
    "drf_spectacular",
    "drf_spectacular_sidecar",
    "accounts",
    "studies",
    "raters",
    "leaderboards",
]

MIDDLEWARE = [
    "hustings.operations.logs.RequestLog",
    "django.middleware.security.SecurityMiddleware",
    "whitenoise.middleware.WhiteNoiseMiddleware",
    "csp.middleware.CSPMiddleware",
    "django.contrib.sessions.middleware.SessionMiddleware",
    "hustings.languages.PageLanguage",
    "django.middleware.common.CommonMiddleware",
    "django.middleware.csrf.CsrfViewMiddleware",
    "django.contrib.auth.middleware.AuthenticationMiddleware",
    "django.contrib.messages.middleware.MessageMiddleware",
    "django.middleware.clickjacking.XFrameOptionsMiddleware",
    "allauth.account.middleware.AccountMiddleware",
    "hustings.operations.identity_key.IdentityKeyGuard",
]

ROOT_URLCONF = "hustings.urls"
ASGI_APPLICATION = "hustings.asgi.application"
WSGI_APPLICATION = "hustings.wsgi.application"

# In a checkout templates/ stands at the top; in an installed package it lies inside this one.
TEMPLATES = [
    {
        "BACKEND": "django.template.backends.django.DjangoTemplates",
        "DIRS": [CHECKOUT / "templates", PACKAGE / "templates"],
        "APP_DIRS": True,
        "OPTIONS": {
            "context_processors": [
                "django.template.context_processors.request",
                "django.contrib.auth.context_processors.auth",
                "django.contrib.messages.context_processors.messages",
            ],
        },
    },
]

DATABASES = ENVIRONMENT.databases
DATABASE_ROUTERS = ["studies.replica.ReplicaRouter"]
# Into how many parts `hustings partition` takes the largest tables apart.
PARTITIONS = ENVIRONMENT.partitions
# Counts how often clients ask: a cache that web processes do not share counts for each alone.
CACHES = {"default": ENVIRONMENT.cache}
DEFAULT_AUTO_FIELD = "django.db.models.BigAutoField"

# Who may come in

AUTH_USER_MODEL = "accounts.User"
AUTHENTICATION_BACKENDS = [
    "django.contrib.auth.backends.ModelBackend",
    "allauth.account.auth_backends.AuthenticationBackend",
]
AUTH_PASSWORD_VALIDATORS = [
    {"NAME": f"django.contrib.auth.password_validation.{name}"}
    for name in (
        "UserAttributeSimilarityValidator",
        "MinimumLengthValidator",
        "CommonPasswordValidator",
        "NumericPasswordValidator",
    )
]
LOGIN_URL = reverse_lazy("account_login")
LOGIN_REDIRECT_URL = "/"
ACCOUNT_ADAPTER = "accounts.adapters.AccountAdapter"
ACCOUNT_LOGIN_METHODS = {"username", "email"}
ACCOUNT_EMAIL_VERIFICATION = "none"
# Raters of studies that they sign up for: an address, six digits sent to it, and they are in.
ACCOUNT_LOGIN_BY_CODE_ENABLED = True
ACCOUNT_LOGIN_BY_CODE_FORMAT = {"numeric": True, "length": 6, "dashed": False}
ACCOUNT_LOGIN_BY_CODE_TIMEOUT = 15 * 60
ACCOUNT_LOGIN_BY_CODE_SUPPORTS_RESEND = True
ACCOUNT_FORMS = {
    "request_login_code": "accounts.forms.AddressForm",
    "confirm_login_code": "accounts.forms.CodeForm",
}
# Three tries a code and twenty codes a day: nobody guesses six digits, or floods a mailbox.
ACCOUNT_RATE_LIMITS = {"request_login_code": "20/m/ip,3/m/key,20/d/key"}
ACCOUNT_EMAIL_SUBJECT_PREFIX = ""
# Behind a proxy every visitor would else share one address, and one limit.
ALLAUTH_TRUSTED_PROXY_COUNT = int(ENVIRONMENT.is_behind_tls_proxy)
MFA_SUPPORTED_TYPES = ["totp", "webauthn", "recovery_codes"]
MFA_PASSKEY_LOGIN_ENABLED = True
# Browsers allow passkeys on http://localhost; the library refuses it unless told so.
MFA_WEBAUTHN_ALLOW_INSECURE_ORIGIN = ENVIRONMENT.is_embedded
STAFF_MFA_REQUIRED = ENVIRONMENT.is_staff_mfa_required

SESSION_ENGINE = "hustings.sessions"

if ENVIRONMENT.is_behind_tls_proxy:
    SECURE_PROXY_SSL_HEADER = ("HTTP_X_FORWARDED_PROTO", "https")
    SECURE_SSL_REDIRECT = True
    # Asked from inside, past the proxy.
    SECURE_REDIRECT_EXEMPT = ["^healthz$", "^readyz$", "^metrics$"]
    SECURE_HSTS_SECONDS = 31_536_000
    SECURE_HSTS_INCLUDE_SUBDOMAINS = True
    SECURE_HSTS_PRELOAD = True
    SESSION_COOKIE_SECURE = True
    CSRF_COOKIE_SECURE = True

CONTENT_SECURITY_POLICY = {
    "DIRECTIVES": {
        "default-src": [SELF],
        "img-src": [SELF, "data:"],
        "object-src": [NONE],
        "base-uri": [SELF],
        "form-action": [SELF],
        "frame-ancestors": [NONE],
    },
}
X_FRAME_OPTIONS = "DENY"

# What keeps it up

LOGGING = logging_settings(is_json=ENVIRONMENT.is_log_json)
METRICS_TOKEN = ENVIRONMENT.metrics_token
start_reporting(ENVIRONMENT.sentry_dsn, release=version("hustings"))

# Pages

LANGUAGE_CODE = "en-gb"
LANGUAGES = [("en-gb", "English (UK)"), ("en-us", "English (US)"), ("de", "Deutsch")]
LOCALE_PATHS = [PACKAGE / "locale"]
TIME_ZONE = "UTC"
USE_TZ = True
STATIC_URL = "static/"
STATIC_ROOT = ENVIRONMENT.home / "static"
STATICFILES_DIRS = [PACKAGE / "static"]
# Embedded, files are served from where they lie; in production `collectstatic` hashes their names.
WHITENOISE_USE_FINDERS = ENVIRONMENT.is_embedded
STORAGES = {
    "default": {"BACKEND": "django.core.files.storage.FileSystemStorage"},
    "staticfiles": {
        "BACKEND": (
            "django.contrib.staticfiles.storage.StaticFilesStorage"
            if ENVIRONMENT.is_embedded
            else "whitenoise.storage.CompressedManifestStaticFilesStorage"
        )
    },
    # Where several machines work, they share it.
    "exports": ENVIRONMENT.exports_storage,
}
vars().update(ENVIRONMENT.email_url)
DEFAULT_FROM_EMAIL = ENVIRONMENT.email_from

# Programs

REST_FRAMEWORK = {
    "DEFAULT_AUTHENTICATION_CLASSES": [
        "hustings.rest.tokens.TokenAuthentication",
        "rest_framework.authentication.SessionAuthentication",
    ],
    "DEFAULT_PERMISSION_CLASSES": ["rest_framework.permissions.IsAuthenticatedOrReadOnly"],
    "DEFAULT_RENDERER_CLASSES": ["rest_framework.renderers.JSONRenderer"],
    "DEFAULT_PARSER_CLASSES": ["rest_framework.parsers.JSONParser"],
    "DEFAULT_THROTTLE_CLASSES": ["hustings.rest.limits.PerMinute"],
    # Behind a proxy every visitor would else share one address, and one limit.
    "NUM_PROXIES": int(ENVIRONMENT.is_behind_tls_proxy),
    "DEFAULT_FILTER_BACKENDS": [
        "hustings.rest.parameters.KnownParameters",
        "django_filters.rest_framework.DjangoFilterBackend",
    ],
    "DEFAULT_SCHEMA_CLASS": "drf_spectacular.openapi.AutoSchema",
    "DEFAULT_PAGINATION_CLASS": "hustings.rest.pages.Pages",
    "EXCEPTION_HANDLER": "hustings.rest.problems.answer_problem",
}
# Requests a minute: of a token or user, and of an address that says not who it is.
REST_LIMIT_KNOWN = 600
REST_LIMIT_ANONYMOUS = 300
# Its own table of tokens is not made: ours takes its place.
MIGRATION_MODULES = {"knox": None}
KNOX_TOKEN_MODEL = "studies.ApiToken"  # noqa: S105  a model
# Its own would make a table of tokens that nobody uses, beside ours.
MIGRATION_MODULES = {"knox": None}
# For so long a published board's place among the others is taken as it was found last.
BOARDS_KEPT_S = ENVIRONMENT.boards_kept_s
SPECTACULAR_SETTINGS = {
    "TITLE": "Hustings",
    "DESCRIPTION": (
        "Boards of chat models, by demographic group and for a whole electorate. What is public "
        "needs no token; a token is made in the admin. Lists come in pages, writes need an "
        "Idempotency-Key, and every error is a problem of one shape. Within `/api/v1/` things are "
        "added and nothing is taken away or changes its meaning: what is to go says so by the "
        "headers `Deprecation` and `Sunset` for a year at least, and here by `deprecated`."
    ),
    "VERSION": "v1",
    "OAS_VERSION": "3.1.0",
    "SERVE_INCLUDE_SCHEMA": False,
    "SWAGGER_UI_DIST": "SIDECAR",
    "SWAGGER_UI_FAVICON_HREF": "SIDECAR",
    # Without `validatorUrl` the page asks a stranger's server to check the schema.
    "SWAGGER_UI_SETTINGS": {
        "deepLinking": True,
        "defaultModelsExpandDepth": 0,
        "validatorUrl": None,
    },
    # Two things have a state, each of its own kinds.
    "ENUM_NAME_OVERRIDES": {
        "StudyState": "studies.models.Study.State",
        "JudgeRunState": "raters.models.JudgeRun.State",
    },
    "SCHEMA_PATH_PREFIX": "/api/v1",
    "POSTPROCESSING_HOOKS": [
        "drf_spectacular.hooks.postprocess_schema_enums",
        "hustings.rest.schema.describe_answers",
    ],
    "COMPONENT_SPLIT_REQUEST": True,
}

UNFOLD = {
    "SITE_TITLE": "Hustings",
    "SITE_HEADER": "Hustings",
    "SITE_SUBHEADER": "Study admin",
    "SITE_SYMBOL": "how_to_vote",
    "SITE_FAVICONS": [
        {"rel": "icon", "type": "image/svg+xml", "href": lambda _: static("hustings/favicon.svg")}
    ],
    "STYLES": [lambda _: static("hustings/admin.css")],
    "SHOW_HISTORY": True,
    "SHOW_VIEW_ON_SITE": False,
    "DASHBOARD_CALLBACK": "hustings.admin_index.add_studies",
    "SIDEBAR": {"navigation": "hustings.admin_index.navigation"},
    # The accent of the public pages.
    "COLORS": {
        "primary": {
            "50": "#f0f6fb",
            "100": "#dcebf6",
            "200": "#bcd8ec",
            "300": "#8dbddd",
            "400": "#6aa9d3",
            "500": "#5a9fd0",
            "600": "#14507d",
            "700": "#11446b",
            "800": "#103a59",
            "900": "#0e304a",
            "950": "#0a2033",
        }
    },
}

# Chat models: what may be asked besides https to public addresses, and anything on loopback

PROVIDERS_ALLOW_PLAIN_HTTP = ENVIRONMENT.is_plain_http_to_providers_allowed
PROVIDERS_ALLOW_PRIVATE_ADDRESSES = ENVIRONMENT.are_private_providers_allowed

# Webhooks reach public addresses by https; embedded, a receiver on this machine too.
WEBHOOKS_ALLOW_PRIVATE_ADDRESSES = ENVIRONMENT.are_private_webhooks_allowed

# Exports: under which licence releases are given, and who publishes them

DATA_LICENCE = ENVIRONMENT.data_licence
DATA_PUBLISHER = ENVIRONMENT.data_publisher

# Tasks

IS_EMBEDDED = ENVIRONMENT.is_embedded
CELERY_BROKER_URL = ENVIRONMENT.broker_url or "memory://"
# The in-memory broker polls once a second by default: half a second a task. At 20 ms it is 12 ms.
CELERY_BROKER_TRANSPORT_OPTIONS = {} if ENVIRONMENT.broker_url else {"polling_interval": 0.02}
CELERY_TASK_IGNORE_RESULT = True
CELERY_TASK_ACKS_LATE = True
# A reply takes as long as its chat model talks: a busy worker must not hoard bells.
CELERY_WORKER_PREFETCH_MULTIPLIER = 1
CELERY_TIMEZONE = "UTC"
CELERY_WORKER_HIJACK_ROOT_LOGGER = False
CELERY_WORKER_REDIRECT_STDOUTS = False
CELERY_BEAT_SCHEDULE_FILENAME = str(ENVIRONMENT.home / "celerybeat-schedule")
CELERY_BEAT_SCHEDULE = {
    "fold-standings": {"task": "leaderboards.tasks.fold_all_standings", "schedule": 60.0},
    "refill-low-queues": {
        "task": "leaderboards.tasks.refill_low_queues",
        "schedule": 5.0,
        "options": {"expires": 5.0},
    },
    "ring-due-replies": {
        "task": "raters.tasks.ring_due_replies",
        "schedule": 2.0,
        # Beats that nobody heard in time don't pile up.
        "options": {"expires": 2.0},
    },
    "ring-due-screens": {
        "task": "raters.tasks.ring_due_screens",
        "schedule": 20.0,
        "options": {"expires": 20.0},
    },
    "release-places": {"task": "raters.tasks.release_expired_places", "schedule": 60.0},
    "pause-overspent-studies": {
        "task": "raters.tasks.pause_overspent_studies",
        "schedule": 20.0,
        "options": {"expires": 20.0},
    },
    "end-stale-previews": {"task": "raters.tasks.end_stale_previews", "schedule": 300.0},
    "look-for-fraud": {
        "task": "raters.tasks.look_for_fraud",
        "schedule": 600.0,
        "options": {"expires": 600.0},
    },
    "ring-running-runs": {
        "task": "raters.tasks.ring_running_runs",
        "schedule": 5.0,
        "options": {"expires": 5.0},
    },
    "ring-due-deliveries": {
        "task": "studies.tasks.ring_due_deliveries",
        "schedule": 10.0,
        "options": {"expires": 10.0},
    },
    "erase-after-retention": {
        "task": "raters.tasks.erase_after_retention",
        "schedule": 86_400.0,
    },
    "forget-old-events": {"task": "studies.tasks.forget_old_events", "schedule": 86_400.0},
    "ring-due-reports": {
        "task": "leaderboards.tasks.ring_due_reports",
        "schedule": 30.0,
        "options": {"expires": 30.0},
    },
    "ring-due-exports": {
        "task": "leaderboards.tasks.ring_due_exports",
        "schedule": 30.0,
        "options": {"expires": 30.0},
    },
    "expire-exports": {"task": "leaderboards.tasks.expire_exports", "schedule": 3_600.0},
    # A session knows, sealed, who a rater is: it must not outlive its use.
    "clear-sessions": {"task": "hustings.tasks.clear_sessions", "schedule": 86_400.0},
    "clear-written": {"task": "hustings.tasks.clear_written", "schedule": 3600.0},
}
CELERY_BROKER_CONNECTION_RETRY_ON_STARTUP = True
