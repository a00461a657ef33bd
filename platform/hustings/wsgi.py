"""Entry point for WSGI servers: pages and API."""

import os

from django.core.wsgi import get_wsgi_application

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "hustings.settings")

application = get_wsgi_application()
