"""How a rater uses her pages: by pointing, or by the keyboard alone."""

from playwright.sync_api import Locator, Page, expect


class Pointer:
    """A rater's hand that points."""

    def __init__(self, page: Page) -> None:
        self.page = page

    def press(self, target: Locator) -> None:
        target.click()

    def choose(self, label: str) -> None:
        self.page.get_by_label(label, exact=True).check()

    def write(self, text: str) -> None:
        self.page.get_by_label("Your message to both sides").fill(text)
        self.page.get_by_role("button", name="Send").click()

    def answer(self, place: int) -> None:
        self.page.locator(".answer:visible").nth(place).click()

    def give_reason(self, reason: str) -> None:
        self.page.get_by_label("Why?").fill(reason)
        self.page.get_by_role("button", name="Submit all answers").click()


class Keys(Pointer):
    """A rater's hands on the keyboard, and on nothing else."""

    def press(self, target: Locator) -> None:
        self._go_to(target)
        # Unlike the keyboard, the target waits for the page that it leads to.
        target.press("Enter")

    def choose(self, label: str) -> None:
        wanted = self.page.get_by_label(label, exact=True)
        self._go_to(self.page.get_by_role("radio").first)
        self.page.keyboard.press("Space")
        for _ in range(self.page.get_by_role("radio").count()):
            if wanted.is_checked():
                return
            self.page.keyboard.press("ArrowDown")
        raise AssertionError(f"No arrow leads to {label}.")

    def write(self, text: str) -> None:
        self._go_to(self.page.get_by_label("Your message to both sides"))
        self.page.keyboard.type(text)
        self.page.keyboard.press("Enter")

    def answer(self, place: int) -> None:
        self.page.keyboard.press(str(place + 1))

    def give_reason(self, reason: str) -> None:
        expect(self.page.get_by_label("Why?")).to_be_focused()
        self.page.keyboard.type(reason)
        self.page.keyboard.press("Enter")

    def _go_to(self, target: Locator) -> None:
        expect(target).to_be_visible()
        for _ in range(60):
            if target.evaluate("target => target === document.activeElement"):
                return
            self.page.keyboard.press("Tab")
        raise AssertionError(f"No Tab leads to {target}.")
