"""Entry point for ASGI servers: streams, and the embedded default."""

import os

from django.core.asgi import get_asgi_application

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "hustings.settings")

application = get_asgi_application()
