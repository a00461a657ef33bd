"""Addresses of a rater's way through a study. None names a person: her session does."""

from django.urls import path

from raters.views import battles, joining, leaving, staying, strikes

app_name = "raters"
BATTLE = "join/<slug:slug>/battle/<str:key>"

urlpatterns = [
    path("join/<slug:slug>/", joining.join, name="join"),
    path("join/<slug:slug>/signed-in/", joining.signed_in, name="signed-in"),
    path("join/<slug:slug>/consent/", joining.consent, name="consent"),
    path("join/<slug:slug>/about/", joining.about, name="about"),
    path("join/<slug:slug>/about/<slug:axis_key>/", joining.question, name="question"),
    path("join/<slug:slug>/no-place/", joining.no_place, name="no-place"),
    path("join/<slug:slug>/how/", joining.how, name="how"),
    path("join/<slug:slug>/battle/", battles.battle, name="battle"),
    path(f"{BATTLE}/message/", battles.message, name="message"),
    path(f"{BATTLE}/retry/", battles.retry, name="retry"),
    path(f"{BATTLE}/replace/", battles.replace, name="replace"),
    path(f"{BATTLE}/another-topic/", battles.another_topic, name="another-topic"),
    path(f"{BATTLE}/replies/", battles.replies, name="replies"),
    path(f"{BATTLE}/stream/", battles.stream, name="stream"),
    path(f"{BATTLE}/compare/", battles.compare, name="compare"),
    path("join/<slug:slug>/strikes/<int:number>/", strikes.strike, name="strike"),
    path("join/<slug:slug>/strikes/<int:number>/seen/", strikes.seen, name="strike-seen"),
    path("join/<slug:slug>/end/", leaving.end, name="end"),
    path("join/<slug:slug>/my-data/", leaving.my_data, name="my-data"),
    path("join/<slug:slug>/my-data.json", leaving.my_data_file, name="my-data-file"),
    path("join/<slug:slug>/my-data/words/", leaving.words, name="words"),
    path("join/<slug:slug>/stay/", staying.stay, name="stay"),
    path("join/<slug:slug>/leave/", leaving.leave, name="leave"),
    path("join/<slug:slug>/withdraw/", leaving.withdraw, name="withdraw"),
    path("join/<slug:slug>/withdrawn/", leaving.withdrawn, name="withdrawn"),
]
