"""The page of the options about clips."""

import pytest
from homeassistant.data_entry_flow import FlowResultType, InvalidData

from .conftest import House


async def open_page(house: House) -> str:
    """Open the page and return the flow's id."""
    menu = await house.hass.config_entries.options.async_init(house.entry.entry_id)
    assert "clips" in menu["menu_options"]
    page = await house.hass.config_entries.options.async_configure(menu["flow_id"], {"next_step_id": "clips"})
    assert page["type"] is FlowResultType.FORM
    assert page["step_id"] == "clips"
    return str(page["flow_id"])


async def test_clips_are_off_until_the_owner_turns_them_on(house: House) -> None:
    house.hass.config_entries.async_update_entry(house.entry, options={"hold": 30})
    assert not house.entry.runtime_data.clips.keeping
    wanted = {"keep_clips": True, "clip_days": 3, "clip_megabytes": 50}
    saved = await house.hass.config_entries.options.async_configure(await open_page(house), wanted)
    assert saved["type"] is FlowResultType.CREATE_ENTRY
    await house.hass.async_block_till_done()
    assert dict(house.entry.options) == {"hold": 30, **wanted}
    assert house.entry.runtime_data.clips.keeping


@pytest.mark.parametrize(
    "wrong", [{"clip_days": 0}, {"clip_days": 366}, {"clip_megabytes": 1}, {"clip_megabytes": 99_999}]
)
async def test_numbers_that_make_no_sense_are_refused(house: House, wrong: dict[str, int]) -> None:
    wanted = {"keep_clips": True, "clip_days": 3, "clip_megabytes": 50} | wrong
    flow_id = await open_page(house)
    with pytest.raises(InvalidData):
        await house.hass.config_entries.options.async_configure(flow_id, wanted)
    house.hass.config_entries.options.async_abort(flow_id)
