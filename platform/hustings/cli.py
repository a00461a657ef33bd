"""The `hustings` command: Django's management commands under the project's settings."""

import os
import sys

from django.core.exceptions import ImproperlyConfigured
from django.core.management import CommandError, ManagementUtility


def main() -> None:
    """Run `hustings NAME …`; an error is one line on stderr, and bad input exits with 2."""
    os.environ.setdefault("DJANGO_SETTINGS_MODULE", "hustings.settings")
    utility = ManagementUtility(sys.argv)
    utility.prog_name = "hustings"
    try:
        utility.execute()
    except (CommandError, ImproperlyConfigured) as error:
        sys.stderr.write(f"hustings: {error}\n")
        sys.exit(2)
    except BrokenPipeError:  # `hustings boards … | head`
        sys.stderr.close()
    except KeyboardInterrupt:
        sys.exit(130)
