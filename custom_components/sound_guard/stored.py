"""What Home Assistant stores for us, read so that the house is listened to whatever has become of it."""

import logging
from typing import Any

from homeassistant.helpers.storage import Store

_LOGGER = logging.getLogger(__name__)


async def async_read(store: Store[Any]) -> Any:
    """Return what is stored; None if nothing is, or if it cannot be read."""
    try:
        return await store.async_load()
    except Exception:
        # A bad disk, a newer version's file, one that was edited: nothing that is counted here is worth a deaf house.
        _LOGGER.exception("%s cannot be read; what it holds begins anew", store.path)
        return None
