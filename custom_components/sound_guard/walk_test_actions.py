"""The actions that start and stop walk tests, of one microphone or of many."""

import probatio as vol
from homeassistant.const import Platform
from homeassistant.core import EntityServiceResponse, HomeAssistant, ServiceCall, SupportsResponse, callback
from homeassistant.exceptions import ServiceValidationError
from homeassistant.helpers.service import async_register_batched_platform_entity_service
from homeassistant.helpers.typing import VolDictType
from homeassistant.util.json import JsonValueType

from .const import DOMAIN
from .sensor import WALK_TEST_FEATURE, WalkTestSensor
from .walk_test import DEFAULT_MINUTES, LONGEST_MINUTES

START_WALK_TEST = "start_walk_test"
STOP_WALK_TEST = "stop_walk_test"

ATTR_MINUTES = "minutes"


@callback
def async_register_walk_test_actions(hass: HomeAssistant) -> None:
    """Register the actions. A microphone is named by its device, its area, or its sensor of the walk test."""

    async def start(sensors: list[WalkTestSensor], call: ServiceCall) -> EntityServiceResponse:
        # All or none: whoever then sounds the alarm must know which microphones are tested.
        if deaf := [sensor.microphone.name for sensor in sensors if not sensor.microphone.status.hears]:
            raise ServiceValidationError(
                translation_domain=DOMAIN,
                translation_key="walk_tests_deaf",
                translation_placeholders={"microphones": ", ".join(sorted(deaf))},
            )
        response: EntityServiceResponse = {}
        for sensor in sensors:
            sensor.async_set_context(call.context)
            sensor.test.start(call.data[ATTR_MINUTES])
            assert sensor.test.ends is not None
            ends = sensor.test.ends.isoformat(timespec="seconds")
            response[sensor.entity_id] = {"microphone": sensor.microphone.name, "ends": ends}
        return response

    async def stop(sensors: list[WalkTestSensor], call: ServiceCall) -> EntityServiceResponse:
        response: EntityServiceResponse = {}
        for sensor in sensors:
            sensor.async_set_context(call.context)
            sensor.test.stop()
            heard: list[JsonValueType] = [found.as_dict() for found in sensor.test.surest]
            response[sensor.entity_id] = {"microphone": sensor.microphone.name, "heard": heard}
        return response

    minutes = vol.All(vol.Coerce(float), vol.Range(min=1, max=LONGEST_MINUTES))
    fields: VolDictType = {vol.Optional(ATTR_MINUTES, default=DEFAULT_MINUTES): minutes}
    for name, act, schema in ((START_WALK_TEST, start, fields), (STOP_WALK_TEST, stop, None)):
        async_register_batched_platform_entity_service(
            hass,
            DOMAIN,
            name,
            entity_domain=Platform.SENSOR,
            func=act,
            required_features=(WALK_TEST_FEATURE,),
            schema=schema,
            supports_response=SupportsResponse.OPTIONAL,
        )
