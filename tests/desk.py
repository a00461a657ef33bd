"""A study admin at her desk: the admin's pages in a browser."""

from pathlib import Path

from playwright.sync_api import Browser, Page, expect

from tests.browser import DESKTOP, Visit

ADMIN, PASSWORD = "admin", "a long sentence"

# The theme's own: its frame has no landmarks, its tables of rows no labels, and what it makes of
# a choice of many has no name.
OF_THE_THEME = (
    "landmark-one-main", "landmark-unique", "region", "empty-table-header", "label",
    "label-title-only", "select-name", "aria-input-field-name",
)  # fmt: skip


class Desk:
    """A study admin at a desk; each page that is new to her is checked and kept as a picture."""

    def __init__(self, browser: Browser, site: str, pictures: Path) -> None:
        self.visit = Visit(browser, DESKTOP, "light")
        self.page: Page = self.visit.page
        self.site, self.pictures = site, pictures

    def look(self, name: str) -> None:
        self.visit.look(self.pictures / f"live-admin-{name}.png", but=OF_THE_THEME)

    def press(self, name: str) -> None:
        self.page.get_by_role("button", name=name, exact=True).click()

    def follow(self, name: str) -> None:
        self.page.get_by_role("link", name=name).click()

    def unfold(self, menu: str, name: str) -> None:
        """Follow a link in one of the page's menus."""
        self.page.locator("a:not([href])", has_text=menu).click()
        self.follow(name)

    def fill(self, **fields: str) -> None:
        for name, value in fields.items():
            self.page.locator(f"#id_{name.replace('__', '-')}").fill(value)

    def pick(self, field: str, words: str) -> None:
        """Choose one of many, in a field that looks them up."""
        self.page.locator(f"#id_{field} + .select2-container").click()
        self.page.locator(".select2-results__option", has_text=words).click()

    def sign_in(self) -> None:
        self.page.goto(f"{self.site}/admin/")
        self.look("01-sign-in")
        self.page.get_by_label("Login").fill(ADMIN)
        self.page.get_by_label("Password", exact=True).fill(PASSWORD)
        self.press("Sign in")
        expect(self.page.get_by_text("There is no study yet.")).to_be_visible()
        self.look("02-overview")
