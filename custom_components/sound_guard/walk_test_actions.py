"""The actions that start and stop walk tests, of one microphone or of many."""

import probatio as vol
from homeassistant.components.sensor.const import SensorDeviceClass
from homeassistant.const import Platform
from homeassistant.core import HomeAssistant, ServiceCall, ServiceResponse, SupportsResponse, callback
from homeassistant.helpers.service import async_register_platform_entity_service
from homeassistant.helpers.typing import VolDictType

from .const import DOMAIN
from .sensor import WalkTestSensor
from .walk_test import DEFAULT_MINUTES, LONGEST_MINUTES

START_WALK_TEST = "start_walk_test"
STOP_WALK_TEST = "stop_walk_test"

ATTR_MINUTES = "minutes"


@callback
def async_register_walk_test_actions(hass: HomeAssistant) -> None:
    """Register the actions. A microphone is named by its device, its area, or its sensor of the walk test."""

    async def start(sensor: WalkTestSensor, call: ServiceCall) -> ServiceResponse:
        sensor.test.start(call.data[ATTR_MINUTES])
        assert sensor.test.ends is not None
        return {"microphone": sensor.microphone.name, "ends": sensor.test.ends.isoformat(timespec="seconds")}

    async def stop(sensor: WalkTestSensor, _: ServiceCall) -> ServiceResponse:
        sensor.test.stop()
        return {"microphone": sensor.microphone.name, "heard": [found.as_dict() for found in sensor.test.surest]}

    minutes = vol.All(vol.Coerce(float), vol.Range(min=1, max=LONGEST_MINUTES))
    fields: VolDictType = {vol.Optional(ATTR_MINUTES, default=DEFAULT_MINUTES): minutes}
    for name, act, schema in ((START_WALK_TEST, start, fields), (STOP_WALK_TEST, stop, None)):
        async_register_platform_entity_service(
            hass,
            DOMAIN,
            name,
            entity_domain=Platform.SENSOR,
            # Of a microphone's sensors, the walk test is the only one with named states.
            entity_device_classes=(SensorDeviceClass.ENUM,),
            func=act,
            schema=schema,
            supports_response=SupportsResponse.OPTIONAL,
        )
