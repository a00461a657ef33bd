"""Addresses of studies and their boards."""

from django.urls import path

from leaderboards import views, views_board

app_name = "leaderboards"
# The address of a board never changes hands: it stays that of the board that was published.
BOARD = "studies/<slug:slug>/boards/<uuid:board_id>"

urlpatterns = [
    path("", views.home, name="home"),
    path("studies/<slug:slug>/", views.study, name="study"),
    path("studies/<slug:slug>/sampling/", views.sampling, name="sampling"),
    path("studies/<slug:slug>/integrity/", views.integrity, name="integrity"),
    path("studies/<slug:slug>/ledger.json", views.ledger, name="ledger"),
    path(
        "studies/<slug:slug>/contestants/<slug:contestant_slug>/",
        views_board.contestant,
        name="contestant",
    ),
    path("studies/<slug:slug>/head-to-head/", views_board.head_to_head, name="head-to-head"),
    path("studies/<slug:slug>/method/", views_board.method, name="method"),
    path(f"{BOARD}/", views.board, name="board"),
    path(f"{BOARD}.json", views.board_export, name="board-export"),
    path(f"{BOARD}.csv", views.board_table, name="board-table"),
]
