"""`hustings renew_identities`: keeps who raters are under the newest key."""

from typing import Any

from hustings.management.command import HustingsCommand, count_of
from raters.services.identities import renew_identities


class Command(HustingsCommand):
    """Mark and seal anew what is kept under a former key; running it again changes nothing."""

    help = (
        "Mark and seal under IDENTITY_KEY whatever says who raters are and is still kept under "
        "one of IDENTITY_KEY_FALLBACKS. It may run while raters take part."
    )

    def handle(self, *_args: Any, **_options: Any) -> None:
        renewed = renew_identities()
        self.stdout.write(f"Kept under the newest key now: {count_of(renewed, 'participation')}.")
