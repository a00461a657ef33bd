"""The Celery application. Tasks are doorbells: they take an id and call a service."""

import os
import sys

from celery import Celery
from celery.signals import task_postrun, task_prerun
from django.db import close_old_connections

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "hustings.settings")

app = Celery("hustings")
app.config_from_object("django.conf:settings", namespace="CELERY")
app.autodiscover_tasks()
# Celery alone closes a worker's connection before and after each task: to PostgreSQL a new one
# costs more than what most tasks do with it.
app.conf["CELERY_DB_REUSE_MAX"] = sys.maxsize


@task_prerun.connect
@task_postrun.connect
def keep_usable_connections(**_facts: object) -> None:
    """Between tasks a worker's thread keeps its connection while it is sound, as a web server's."""
    close_old_connections()
