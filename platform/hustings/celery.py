"""The Celery application. Tasks are doorbells: they take an id and call a service."""

import os

from celery import Celery

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "hustings.settings")

app = Celery("hustings")
app.config_from_object("django.conf:settings", namespace="CELERY")
app.autodiscover_tasks()
