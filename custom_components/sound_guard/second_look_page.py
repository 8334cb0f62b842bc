"""The pages of the options about the second look: where it is taken, and how another machine is reached."""

from typing import Any

import probatio as vol
from homeassistant.config_entries import ConfigFlowResult
from homeassistant.const import UnitOfTime
from homeassistant.helpers.selector import (
    BooleanSelector,
    NumberSelector,
    NumberSelectorConfig,
    NumberSelectorMode,
    SelectSelector,
    SelectSelectorConfig,
    SelectSelectorMode,
    TextSelector,
    TextSelectorConfig,
    TextSelectorType,
)
from yarl import URL

from .address import UNREADABLE
from .const import (
    CONF_ANY_CERTIFICATE,
    CONF_LOOK_LIMIT,
    CONF_SECOND_LOOK,
    CONF_SERVER,
    CONF_TOKEN,
    DEFAULT_LOOK_LIMIT_S,
)
from .engine import get_engine
from .options_page import OptionsPage
from .remote import RemoteError, Server, async_fetch_model, check_model
from .src.hearing.card import CardError
from .src.hearing.rcrnn_card import RCRNN_CARD
from .verification import CHOICES, State

PLACE = SelectSelector(
    SelectSelectorConfig(options=list(CHOICES), mode=SelectSelectorMode.LIST, translation_key="second_look")
)
LIMIT = NumberSelector(
    NumberSelectorConfig(min=1, max=10, step=0.5, unit_of_measurement=UnitOfTime.SECONDS, mode=NumberSelectorMode.BOX)
)

SCHEMA = vol.Schema(
    {
        vol.Required(CONF_SECOND_LOOK, default=State.LOCAL): PLACE,
        vol.Required(CONF_LOOK_LIMIT, default=DEFAULT_LOOK_LIMIT_S): LIMIT,
    }
)
SERVER_SCHEMA = vol.Schema(
    {
        vol.Required(CONF_SERVER): TextSelector(TextSelectorConfig(type=TextSelectorType.URL)),
        vol.Optional(CONF_TOKEN): TextSelector(TextSelectorConfig(type=TextSelectorType.PASSWORD, autocomplete="off")),
        vol.Required(CONF_ANY_CERTIFICATE, default=False): BooleanSelector(),
    }
)

EXAMPLE = {"example": "https://192.168.1.20:8124"}


class SecondLookPage(OptionsPage):
    """Sets where second looks are taken; another machine is asked for its model before anything is saved."""

    _place: dict[str, Any]
    """What the first page has told."""

    async def async_step_second_look(self, user_input: dict[str, Any] | None = None) -> ConfigFlowResult:
        """Ask where; unless that is on another machine, it is all that has to be known."""
        if user_input is None:
            return self.ask("second_look", SCHEMA)
        if user_input[CONF_SECOND_LOOK] != State.REMOTE:
            return self.save(user_input)
        self._place = user_input
        return await self.async_step_second_look_server()

    async def async_step_second_look_server(self, user_input: dict[str, Any] | None = None) -> ConfigFlowResult:
        """Ask for the other machine, and try it. The token that is stored is not shown: an empty field keeps it."""
        options = self.config_entry.options
        if user_input is None:
            known = {key: value for key, value in options.items() if key != CONF_TOKEN}
            return self.ask("second_look_server", SERVER_SCHEMA, known, placeholders=EXAMPLE)
        url, token = user_input[CONF_SERVER].strip(), user_input.get(CONF_TOKEN, "").strip()
        # A token is shown to the server that it was entered for, and to no other.
        stored = options.get(CONF_TOKEN, "") if url == options.get(CONF_SERVER) else ""
        server = Server(url, token or stored, user_input[CONF_ANY_CERTIFICATE])
        if errors := await self._async_problem(server):
            return self.ask("second_look_server", SERVER_SCHEMA, user_input, errors, placeholders=EXAMPLE)
        return self.save(
            {
                **self._place,
                CONF_SERVER: server.url,
                CONF_TOKEN: server.token,
                CONF_ANY_CERTIFICATE: server.any_certificate,
            }
        )

    async def _async_problem(self, server: Server) -> dict[str, str]:
        """Return what is wrong with a server, by field; empty if it takes second looks with our model."""
        if not _is_address(server.url):
            return {CONF_SERVER: "bad_address"}
        if not server.token.isascii() or not server.token.isprintable() or not server.token:
            return {CONF_TOKEN: "bad_token"}
        try:
            card = await self.hass.async_add_executor_job(get_engine(self.hass).load_verifier_card, RCRNN_CARD)
            check_model(await async_fetch_model(self.hass, server), card.sha256)
        except CardError:
            return {"base": "no_model"}
        except RemoteError as error:
            return {"base": error.trouble}
        return {}


def _is_address(text: str) -> bool:
    """Return whether a text is the address of a server and nothing more: no password, no question."""
    try:
        url = URL(text)
    except UNREADABLE:
        return False
    plain = url.user is None and url.password is None and not url.query_string and not url.fragment
    return url.scheme in ("http", "https") and bool(url.host) and plain
