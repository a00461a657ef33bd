"""A study's scorer: its card, its training and its runs; and preferences to train others on."""

import io
import json
import zipfile
from typing import Any, Final

from django import forms
from django.contrib import messages
from django.core.exceptions import PermissionDenied
from django.http import FileResponse, Http404, HttpRequest, HttpResponse
from django.shortcuts import redirect
from django.utils import timezone
from django.utils.safestring import SafeString
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_http_methods, require_safe
from unfold.admin import ModelAdmin
from unfold.widgets import (
    UnfoldAdminSelectWidget,
    UnfoldAdminTextInputWidget,
    UnfoldBooleanSwitchWidget,
)

from accounts.admin_pages import actor, table
from leaderboards.admin.reports import shown
from leaderboards.admin.study_pages import frame_of, live_study
from leaderboards.errors import BoardError
from leaderboards.pages.words import percent
from leaderboards.preferences import Format, Margin, Wanted, write_preferences
from leaderboards.ranking.errors import RankingError
from leaderboards.scorer.errors import ScorerError
from leaderboards.scorer.evaluation import Accuracy, Evaluation
from leaderboards.scorer.training import require_scikit_learn
from leaderboards.scorer_card import DimensionCard, ScorerCard
from leaderboards.services.scorer_asking import ask_for_scorer, ask_for_scoring
from leaderboards.services.scoring import (
    ALL,
    UNLABELLED,
    ScoredRun,
    scorer_status,
    scoring_status,
)
from studies.models import ChatModel, Study

TEMPLATE: Final = "admin/leaderboards/study/scorer.html"
BESIDE: Final = (
    ("scorer", gettext_lazy("The scorer")),
    ("without_embeddings", gettext_lazy("The scorer without embeddings")),
    ("length_only", gettext_lazy("Length alone")),
    ("majority", gettext_lazy("The side that won more often")),
    ("contestants_alone", gettext_lazy("Contestants alone, unread")),
    ("new_contestants", gettext_lazy("The scorer on contestants it never met")),
)


RATINGS: Final = {"rate": ALL, "unlabelled": UNLABELLED}


class TrainForm(forms.Form):
    """Who embeds replies for a scorer, if anybody."""

    embedder = forms.ModelChoiceField(
        ChatModel.objects.filter(is_embedder=True),
        label=gettext_lazy("Embeddings by"),
        required=False,
        empty_label=gettext_lazy("nobody: words are counted here"),
        widget=UnfoldAdminSelectWidget,
        help_text=gettext_lazy(
            "It is sent the replies of both sides, with names of models masked, and no "
            "rater’s message; so it is each time that the scorer rates. The study’s ledger "
            "says so."
        ),
    )


class ExportForm(forms.Form):
    """Which preferences are to be given away, and under which licence."""

    licence = forms.CharField(
        max_length=200,
        widget=UnfoldAdminTextInputWidget,
        help_text=gettext_lazy(
            "Under which they are given, as “CC BY 4.0”. It stands beside the rows."
        ),
        label=gettext_lazy("Licence"),
    )
    dimension = forms.ChoiceField(
        required=False, widget=UnfoldAdminSelectWidget, label=gettext_lazy("Dimension")
    )
    form = forms.ChoiceField(
        label=gettext_lazy("Format"),
        choices=[(Format.JSONL, gettext_lazy("JSON, a line each")), (Format.CSV, "CSV")],
        widget=UnfoldAdminSelectWidget,
    )
    margin = forms.ChoiceField(
        choices=[
            (Margin.ONE, gettext_lazy("1 for every choice")),
            (Margin.SCORER, gettext_lazy("how likely the scorer thought it")),
        ],
        widget=UnfoldAdminSelectWidget,
        label=gettext_lazy("Margin"),
    )
    with_groups = forms.BooleanField(
        label=gettext_lazy("Raters’ groups"),
        required=False,
        widget=UnfoldBooleanSwitchWidget,
        help_text=gettext_lazy("Named only where enough people are alike in them."),
    )
    with_ties = forms.BooleanField(
        label=gettext_lazy("Ties, marked"), required=False, widget=UnfoldBooleanSwitchWidget
    )

    def __init__(self, study: Study, data: Any = None) -> None:
        super().__init__(data)
        found = study.dimensions.order_by("position", "key")
        self.fields["dimension"].choices = [  # type: ignore[attr-defined]
            ("", _("all of them")),
            *((each.key, each.name) for each in found),
        ]


@never_cache
@require_http_methods(["GET", "HEAD", "POST"])
def scorer_page(request: HttpRequest, study_id: int, model_admin: ModelAdmin) -> HttpResponse:
    """The newest scorer's card, for whoever may see live figures.

    A post asks to train anew, or to rate battles: `do` says which.
    """
    study = live_study(request, study_id)
    may_act = request.user.has_perm("raters.add_judgerun")
    if request.method == "POST":
        if not may_act:
            raise PermissionDenied
        return _ask(request, study)
    trained, scored = scorer_status(study), scoring_status(study)
    card = trained.facts(ScorerCard)
    context = frame_of(request, study, model_admin, name=_("Scorer")) | {
        "card": card,
        "may_act": may_act,
        "may_export": _may_export(request),
        "asks_to_quote": study.asks_to_quote,
        "trained": trained,
        "scored": scored,
        "run": scored.facts(ScoredRun),
        "without": _what_is_missing(),
        "training": TrainForm() if ChatModel.objects.filter(is_embedder=True).exists() else None,
        "export": ExportForm(study),
    }
    if card is not None:
        context |= {"dimensions": [_dimension(each, card) for each in card.dimensions]}
    busy = scored if scored.is_under_way and not trained.is_under_way else trained
    return shown(request, TEMPLATE, context, busy)


def _ask(request: HttpRequest, study: Study) -> HttpResponse:
    do, form = request.POST.get("do", ""), TrainForm(request.POST)
    by, at = actor(request), timezone.now()
    if do != "train" and do not in RATINGS:
        raise Http404(_("There is no such thing to be done with a scorer."))
    try:
        if do in RATINGS:
            ask_for_scoring(study, RATINGS[do], by=by, at=at)
        elif form.is_valid():
            ask_for_scorer(study, embedder=form.cleaned_data["embedder"], by=by, at=at)
        else:
            messages.error(request, _("Choose an embedder of the registry, or nobody."))
    except ScorerError as refusal:
        messages.error(request, str(refusal))
    return redirect(request.get_full_path())


def _what_is_missing() -> str:
    """Why nobody can train here; empty where somebody can."""
    try:
        require_scikit_learn()
    except ScorerError as error:
        return str(error)
    return ""


def _dimension(card: DimensionCard, whole: ScorerCard) -> dict[str, object]:
    evaluation = card.evaluation
    if evaluation is None:
        return {"card": card}
    beside = [
        (str(name), *_figures(figure))
        for field, name in BESIDE
        if (figure := getattr(evaluation, field)) is not None
    ]
    groups = [
        (f"{group.axis}: {group.name}", f"{group.raters:,}", *_figures(figure))
        for group, figure in zip(whole.groups, evaluation.by_group, strict=True)
        if figure is not None
    ]
    return {
        "card": card,
        "beside": _figure_table([_("Told by")], beside),
        "groups": _figure_table([_("Group"), _("#Raters")], groups) if groups else "",
        "bins": table(
            [_("How sure"), _("#Verdicts"), _("#Sure by"), _("#Right")],
            [
                (
                    _("%(low)s to %(high)s")
                    % {"low": percent(each.low), "high": percent(each.high)},
                    f"{each.verdicts:,}",
                    percent(each.confidence),
                    percent(each.right),
                )
                for each in evaluation.calibration.bins
            ],
        ),
        "error": percent(evaluation.calibration.error, decimals=1),
        "warning": _warning(evaluation),
    }


def _warning(evaluation: Evaluation) -> str:
    """What simpler thing does as well; empty where the scorer is better than all."""
    told, without = evaluation.scorer.accuracy, evaluation.without_embeddings
    if told <= evaluation.majority.accuracy:
        return _(
            "It tells the winner no better than who always names the side that won more often."
        )
    if told <= evaluation.length_only.accuracy:
        return _("It tells the winner no better than their lengths alone do.")
    if without is not None and told <= without.accuracy:
        return _("It tells the winner no better than without embeddings: train one without.")
    return ""


def _figures(figure: Accuracy) -> tuple[str, ...]:
    return (
        f"{figure.decided:,}",
        percent(figure.accuracy, decimals=1),
        _("%(low)s to %(high)s") % {"low": percent(figure.low), "high": percent(figure.high)},
        percent(figure.three_way, decimals=1),
        f"{figure.loss:.3f}",
    )


def _figure_table(first: list[str], rows: list[tuple[str, ...]]) -> SafeString:
    figures = [
        _("#Decided verdicts"),
        _("#Winner told"),
        _("#95 % interval"),
        _("#With ties"),
        _("#Loss"),
    ]
    return table([*first, *figures], rows)


@never_cache
@require_safe
def download_scorer(
    request: HttpRequest,
    study_id: int,
    model_admin: ModelAdmin,  # noqa: ARG001 every page of the site is given it
) -> HttpResponse:
    """The newest scorer with its card, as JSON."""
    study = live_study(request, study_id)
    report = scorer_status(study).finished
    if report is None:
        raise Http404(_("There is no scorer of this study yet."))
    content = json.dumps(report.document, indent=1, ensure_ascii=False)
    return HttpResponse(
        content,
        content_type="application/json",
        headers={
            "Content-Disposition": _('attachment; filename="%(slug)s-scorer.json"')
            % {"slug": study.slug}
        },
    )


@never_cache
@require_http_methods(["POST"])
def export_preferences(
    request: HttpRequest,
    study_id: int,
    model_admin: ModelAdmin,  # noqa: ARG001 every page of the site is given it
) -> HttpResponse | FileResponse:
    """Preferences in a ZIP with what is to be said about them, for whoever may read battles."""
    study = live_study(request, study_id)
    if not _may_export(request):
        raise PermissionDenied
    form = ExportForm(study, request.POST)
    back = redirect("admin:leaderboards_study_scorer", study_id=study.pk)
    if not form.is_valid():
        messages.error(request, _("Say under which licence the preferences are given."))
        return back
    chosen = form.cleaned_data
    wanted = Wanted(
        licence=chosen["licence"],
        dimension=chosen["dimension"],
        form=Format(chosen["form"]),
        margin=Margin(chosen["margin"]),
        with_groups=chosen["with_groups"],
        with_ties=chosen["with_ties"],
    )
    try:
        content = _zipped(study, wanted)
    except (BoardError, RankingError) as error:
        messages.error(request, str(error))
        return back
    return FileResponse(content, as_attachment=True, filename=f"{study.slug}-preferences.zip")


def _may_export(request: HttpRequest) -> bool:
    return request.user.has_perm("raters.view_battle")


def _zipped(study: Study, wanted: Wanted) -> io.BytesIO:
    content = io.BytesIO()
    with zipfile.ZipFile(content, "w", zipfile.ZIP_DEFLATED) as archive:
        with (
            archive.open(f"{study.slug}.{wanted.form.value}", "w", force_zip64=True) as raw,
            io.TextIOWrapper(raw, encoding="utf-8", newline="") as file,
        ):
            about = write_preferences(study, wanted, file, at=timezone.now())
        archive.writestr("about.json", json.dumps(about, indent=2, ensure_ascii=False))
    content.seek(0)
    return content
