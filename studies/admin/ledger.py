"""A step of a study's page that writes what nobody but an admin knows into the ledger."""

from typing import Any

from django import forms
from django.http import HttpRequest, HttpResponse
from django.utils import timezone
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy
from unfold.decorators import action
from unfold.widgets import UnfoldAdminSingleDateWidget, UnfoldAdminTextInputWidget

from accounts.admin_pages import Step, StepForm, page_of, take_step
from studies.admin.links import StudyLinks
from studies.errors import StudyError
from studies.ledger import record_sharing


class SharingForm(StepForm):
    """With whom data were shared, which, and on which day."""

    recipient = forms.CharField(
        label=gettext_lazy("With whom"),
        max_length=200,
        widget=UnfoldAdminTextInputWidget,
        help_text=gettext_lazy("An organisation, or “anybody” for data that were published."),
    )
    what = forms.CharField(
        label=gettext_lazy("Which data"),
        max_length=300,
        widget=UnfoldAdminTextInputWidget,
        help_text=gettext_lazy("Such as: all verdicts with groups, without conversations."),
    )
    shared_on = forms.DateField(
        label=gettext_lazy("On"),
        widget=UnfoldAdminSingleDateWidget,
        initial=lambda: timezone.now().date(),
    )

    def clean_shared_on(self) -> Any:
        day = self.cleaned_data["shared_on"]
        if day > timezone.now().date():
            raise forms.ValidationError(_("Record it once it has happened."))
        return day


class LedgerSteps(StudyLinks):
    """Record that data were shared."""

    @action(
        description=gettext_lazy("Record a sharing of data"),
        icon="share",
        url_path="share-data",
        permissions=["change"],
    )
    def share_data(self, request: HttpRequest, object_id: str) -> HttpResponse:
        study = self._study(request, object_id)

        def act(data: dict[str, Any]) -> str:
            record_sharing(study, **data, at=timezone.now())
            return _("The ledger says that data were shared with: %(recipient)s.") % {
                "recipient": data["recipient"]
            }

        step = Step(
            question=_("Record a sharing of data?"),
            note=_(
                "Whenever data of this study were given to somebody, or published: the "
                "platform can't know of it. It becomes an entry of the study's public "
                "ledger, which nobody can change or remove. Name no person."
            ),
            button=_("Record"),
            act=act,
            refusals=(StudyError,),
            back=page_of(study),
            form=SharingForm,
            is_final=True,
        )
        return take_step(self, request, study, step)
