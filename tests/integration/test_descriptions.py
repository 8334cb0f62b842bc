"""What Home Assistant's validators check of actions, triggers, conditions and repairs."""

import re
from collections.abc import Mapping
from typing import Any

import pytest
from homeassistant.core import HomeAssistant
from homeassistant.helpers import config_validation as cv
from homeassistant.helpers.selector import TargetSelector, selector
from homeassistant.helpers.service import async_get_all_descriptions
from homeassistant.util.yaml import load_yaml_dict

from custom_components.sound_guard.condition import CONDITIONS, LABELS as CONDITION_LABELS
from custom_components.sound_guard.const import DOMAIN
from custom_components.sound_guard.health import Complaint
from custom_components.sound_guard.repairs import ModelFlow, SecondLookFlow
from custom_components.sound_guard.src.hearing.card import Sensitivity
from custom_components.sound_guard.trigger import TRIGGERS

from .conftest import House
from .fakes import LABELS
from .test_validation import ICONS, INTEGRATION, SOURCES, TRANSLATIONS, texts

FIXABLE = [complaint for complaint in Complaint if complaint is not Complaint.GATED]
"""The complaints with pages that help."""

KINDS = {"services": "service", "triggers": "trigger", "conditions": "condition"}


def described(kind: str) -> dict[str, Mapping[str, Any]]:
    """Return what a YAML file describes, without what it only shares."""
    found = load_yaml_dict(str(INTEGRATION / f"{kind}.yaml"))
    return {key: value or {} for key, value in found.items() if not key.startswith(".")}


@pytest.mark.parametrize("kind", KINDS)
def test_each_is_described_translated_and_has_an_icon(kind: str) -> None:
    keys = described(kind).keys()
    assert TRANSLATIONS[kind].keys() == keys
    assert ICONS[kind].keys() == keys
    for key, icon in ICONS[kind].items():
        assert icon.keys() == {KINDS[kind]}
        assert TRANSLATIONS[kind][key].keys() - {"fields"} == {"name", "description"}


@pytest.mark.parametrize("kind", KINDS)
def test_each_field_has_a_selector_and_is_translated(kind: str) -> None:
    for key, description in described(kind).items():
        fields = description.get("fields", {})
        assert TRANSLATIONS[kind][key].get("fields", {}).keys() == fields.keys()
        for name, field in fields.items():
            chosen: Any = selector(field["selector"])
            assert field.keys() <= {"selector", "required", "default", "example"}
            if "default" in field and name != "for":
                chosen(field["default"])
            translated = TRANSLATIONS[kind][key]["fields"][name]
            # Home Assistant's own triggers do not explain these two, either.
            assert translated.keys() == ({"name"} if name in ("behavior", "for") else {"name", "description"})
            if translation_key := chosen.config.get("translation_key"):
                options = TRANSLATIONS["selector"][translation_key]["options"]
                assert list(options) == chosen.config["options"]
        if target := description.get("target"):
            assert TargetSelector.CONFIG_SCHEMA(target)["entity"][0]["integration"] == DOMAIN


def test_triggers_and_conditions_are_those_that_are_described() -> None:
    assert TRIGGERS.keys() == described("triggers").keys()
    assert CONDITIONS.keys() == described("conditions").keys()


def test_choices_are_those_that_the_model_has() -> None:
    assert list(TRANSLATIONS["selector"]["sound"]["options"]) == list(CONDITION_LABELS) == list(LABELS)
    assert list(TRANSLATIONS["selector"]["sensitivity"]["options"]) == list(Sensitivity)


async def test_every_action_is_described(hass: HomeAssistant, house: House) -> None:
    registered = hass.services.async_services_for_domain(DOMAIN)
    assert registered.keys() == described("services").keys()
    descriptions = (await async_get_all_descriptions(hass))[DOMAIN]
    for key, action in registered.items():
        schema: Any = action.schema
        if cv.is_entity_service_schema(schema):
            schema = schema.schema.validators[0]
        fields = {str(field) for field in schema.schema} - {"metadata", *cv.ENTITY_SERVICE_FIELDS}
        if "target" not in descriptions[key]:
            fields |= {str(field) for field in schema.schema}
        assert descriptions[key]["fields"].keys() == fields


def test_every_page_of_a_repair_is_translated_and_no_other() -> None:
    parts = SOURCES["repairs.py"].split("class TryAgainFlow")
    listen, again = (set(re.findall(r"async def async_step_(\w+)", code)) - {"init"} for code in parts)
    for complaint in FIXABLE:
        issue = TRANSLATIONS["issues"][complaint]
        assert issue.keys() == {"title", "fix_flow"}
        still = {"unwell"} if complaint in (Complaint.SILENT, Complaint.DEAF, Complaint.CLIPPING) else set()
        assert issue["fix_flow"]["step"].keys() == listen - {"listen", "unwell"} | still
        assert issue["fix_flow"]["progress"].keys() == {"listen"}
        assert issue["fix_flow"]["abort"].keys() == {"gone"}
    for flow in (ModelFlow, SecondLookFlow):
        issue = TRANSLATIONS["issues"][flow.issue]
        assert issue.keys() == {"title", "fix_flow"}
        assert issue["fix_flow"]["step"].keys() == again
        assert issue["fix_flow"]["error"].keys() == {flow.error}
        assert issue["fix_flow"]["abort"].keys() == {"gone"}


def test_an_issue_without_pages_explains_itself() -> None:
    for issue in TRANSLATIONS["issues"].values():
        assert ("fix_flow" in issue) != ("description" in issue)


def test_placeholders_of_repairs_are_given_on_every_page() -> None:
    given = {"microphone", "level", "peak", "problem"}
    for complaint in FIXABLE:
        issue = TRANSLATIONS["issues"][complaint]
        assert set(re.findall(r"\{(\w+)\}", issue["title"])) <= {"microphone", "problem"}
        for _, text in texts(issue["fix_flow"]):
            assert set(re.findall(r"\{(\w+)\}", text)) <= given
