"""Clips are deleted by actions, and only by people who may."""

from typing import Any

import pytest
from homeassistant.core import Context, HomeAssistant
from homeassistant.exceptions import ServiceValidationError, Unauthorized
from probatio import Invalid
from pytest_homeassistant_custom_component.common import MockUser

from custom_components.sound_guard.const import DOMAIN

from .clip_house import a_clip, clips, put
from .conftest import KITCHEN, House


async def act(house: House, action: str, context: Context | None = None, **data: Any) -> None:
    """Call an action."""
    await house.hass.services.async_call(DOMAIN, action, data, blocking=True, context=context)


async def test_one_clip_is_deleted_by_its_id_or_as_picked_in_the_media_panel(keeper: House) -> None:
    first, second, third = (put(keeper, a_clip()) for _ in range(3))
    await act(keeper, "delete_clip", clip=first.id)
    picked = {
        "media_content_id": f"media-source://sound_guard/{KITCHEN}/{second.id}",
        "media_content_type": "audio/wav",
        "metadata": {"title": "Smoke alarm"},
    }
    await act(keeper, "delete_clip", clip=picked)
    assert await clips(keeper).async_list() == [third]


async def test_all_clips_are_deleted(keeper: House) -> None:
    put(keeper, a_clip())
    put(keeper, a_clip(3))
    await act(keeper, "delete_all_clips")
    assert await clips(keeper).async_list() == []


async def test_a_clip_that_has_gone_is_said_to_be_gone(keeper: House) -> None:
    with pytest.raises(ServiceValidationError) as refused:
        await act(keeper, "delete_clip", clip="0" * 32)
    assert refused.value.translation_key == "unknown_clip"


@pytest.mark.parametrize(
    "named",
    [
        "",
        7,
        None,
        "../../secrets",
        "media-source://media_source/local/holiday.wav",
        f"media-source://other/{KITCHEN}/{'0' * 32}",
        {"media_content_id": "media-source://sound_guard/../../secrets"},
        {},
    ],
)
async def test_what_is_no_clip_is_refused(keeper: House, named: object) -> None:
    with pytest.raises(Invalid):
        await act(keeper, "delete_clip", clip=named)


@pytest.mark.parametrize("action", ["delete_clip", "delete_all_clips"])
async def test_only_administrators_may_delete(keeper: House, hass_read_only_user: MockUser, action: str) -> None:
    clip = put(keeper, a_clip())
    data = {"clip": clip.id} if action == "delete_clip" else {}
    with pytest.raises(Unauthorized):
        await act(keeper, action, Context(user_id=hass_read_only_user.id), **data)
    assert await clips(keeper).async_list() == [clip]


async def test_while_sound_guard_is_not_loaded_the_actions_say_so(hass: HomeAssistant, keeper: House) -> None:
    await hass.config_entries.async_unload(keeper.entry.entry_id)
    with pytest.raises(ServiceValidationError) as refused:
        await act(keeper, "delete_all_clips")
    assert refused.value.translation_key == "not_set_up"
