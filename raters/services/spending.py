"""Everything that keeps a study within its budget."""

from contextlib import suppress

from studies.errors import StateError
from studies.models import Study
from studies.services import move_study
from studies.spending import overspending


def pause_overspent_studies() -> list[Study]:
    """Pause each open study whose replies have cost its budget; returns those.

    Nothing new begins there; who is in the middle of a battle may still give her verdicts.
    """
    open_studies = Study.objects.filter(
        state=Study.State.OPEN, budget__isnull=False, preview_of=None
    )
    paused = []
    for study in open_studies:
        reason = overspending(study)
        if reason:
            # Somebody may have paused or closed it since.
            with suppress(StateError):
                move_study(study, to=Study.State.PAUSED, reason=reason)
                paused.append(study)
    return paused
