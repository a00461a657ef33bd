"""Addresses of studies and their boards."""

from django.urls import path

from leaderboards import views, views_board, views_labels, views_machines, views_robustness

app_name = "leaderboards"
# The address of a board never changes hands: it stays that of the board that was published.
BOARD = "studies/<slug:slug>/boards/<uuid:board_id>"
MACHINES = "studies/<slug:slug>/machines/"

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
    path("studies/<slug:slug>/groups/", views_board.groups, name="groups"),
    path("studies/<slug:slug>/dimensions/", views_board.dimensions, name="dimensions"),
    path("studies/<slug:slug>/topics/", views_board.topics, name="topics"),
    path("studies/<slug:slug>/labels/", views_labels.labels, name="labels"),
    path("studies/<slug:slug>/safety/", views_labels.safety, name="safety"),
    path("studies/<slug:slug>/history/", views_board.history, name="history"),
    path("studies/<slug:slug>/said/", views_board.said, name="said"),
    path("studies/<slug:slug>/wall/", views_board.wall, name="wall"),
    path("studies/<slug:slug>/method/", views_board.method, name="method"),
    path("studies/<slug:slug>/robustness/", views_robustness.robustness, name="robustness"),
    path(MACHINES, views_machines.machines, name="machines"),
    path(f"{MACHINES}<int:number>/", views_machines.machine, name="machine"),
    path(
        f"{MACHINES}<int:number>/compute/", views_machines.compute_machine, name="machine-compute"
    ),
    path(
        f"{MACHINES}<int:number>/conversations/",
        views_machines.machine_conversations,
        name="machine-conversations",
    ),
    path(f"{BOARD}/", views.board, name="board"),
    path(f"{BOARD}.json", views.board_export, name="board-export"),
    path(f"{BOARD}.csv", views.board_table, name="board-table"),
    path(f"{BOARD}/groups.csv", views_board.heat_map_table, name="board-groups"),
    path(f"{BOARD}/head-to-head.csv", views_board.duels_table, name="board-duels"),
]
