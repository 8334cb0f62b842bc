"""The options: a menu of pages, one for each part of how Sound Guard behaves."""

from typing import Any

from homeassistant.config_entries import ConfigFlowResult

from .alerts_page import AlertsPage
from .calm_page import CalmPage
from .clips_page import ClipsPage
from .code_page import CodePage
from .guard_page import GuardPage
from .second_look_page import SecondLookPage
from .sounds_page import SoundsPage
from .walk_test_page import WalkTestPage

PAGES = ("guard", "sounds", "alerts", "calm", "second_look", "code", "clips", "walk_test")
"""The steps of the pages, in the order of the menu."""


class SoundGuardOptionsFlow(
    GuardPage, SoundsPage, AlertsPage, CalmPage, SecondLookPage, CodePage, ClipsPage, WalkTestPage
):
    """Lets the owner choose a page; each one saves by itself."""

    async def async_step_init(self, user_input: dict[str, Any] | None = None) -> ConfigFlowResult:
        """Show the menu."""
        return self.async_show_menu(step_id="init", menu_options=list(PAGES))
