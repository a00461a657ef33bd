"""Addresses of the whole site."""

from django.contrib import admin
from django.urls import URLPattern, URLResolver, include, path
from django.views.i18n import set_language

from hustings import documentation
from hustings.operations.health import live, ready
from hustings.operations.metrics import metrics

# Over REST what breaks off is told as a problem, in JSON.
handler400 = "hustings.rest.problems.bad_request"
handler500 = "hustings.rest.problems.server_error"

urlpatterns: list[URLPattern | URLResolver] = [
    path("healthz", live, name="live"),
    path("readyz", ready, name="ready"),
    path("metrics", metrics, name="metrics"),
    path("docs/", documentation.contents, name="documentation"),
    path("docs/images/<str:name>", documentation.picture, name="documentation-picture"),
    path("docs/<slug:slug>/", documentation.page, name="documentation-page"),
    path("language/", set_language, name="language"),
    path("admin/", admin.site.urls),
    path("accounts/", include("allauth.urls")),
    path("", include("leaderboards.urls")),
    path("", include("raters.urls")),
    path("api/v1/", include("hustings.api")),
]
