"""The project package: command line, settings, addresses. It imports the apps; none imports it."""

from hustings.celery import app as celery_app

__all__ = ["celery_app"]
