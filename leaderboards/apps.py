from django.apps import AppConfig

from studies.append_only import Refusal, append_only, keep_installed


class LeaderboardsConfig(AppConfig):
    name = "leaderboards"
    verbose_name = "Leaderboards"

    def ready(self) -> None:
        keep_installed(self, refusals)
        _search_votes()


def _search_votes() -> None:
    """Votes are judged by what they add up to, which raters know nothing of."""
    from leaderboards.services.vote_tests import find_unlikely_votes
    from raters.services.fraud import add_search

    add_search(find_unlikely_votes)


def refusals() -> tuple[Refusal, ...]:
    """What the database refuses here beyond constraints: any change to a published board."""
    from leaderboards.models import Board, BoardRow, BoardSection, BoardWithdrawal

    message = "A published board is never changed or deleted; supersede or withdraw it"
    published = "SELECT 1 FROM leaderboards_board b"
    return (
        *append_only(Board, message),
        *append_only(BoardSection, message),
        *append_only(BoardRow, message),
        *append_only(BoardWithdrawal, "A withdrawal is never changed or deleted"),
        Refusal(BoardSection, "INSERT", message, f"EXISTS ({published} WHERE b.id = NEW.board_id)"),
        Refusal(
            BoardRow,
            "INSERT",
            message,
            f"EXISTS ({published} JOIN leaderboards_boardsection s ON s.board_id = b.id "
            "WHERE s.id = NEW.section_id)",
        ),
    )
