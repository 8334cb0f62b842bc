"""What Home Assistant's and the Marketplace's validators check, as far as it can be checked here."""

import ast
import json
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from awesomeversion import AwesomeVersion, AwesomeVersionStrategy
from homeassistant.util.yaml import load_yaml_dict

from custom_components.sound_guard import PLATFORMS, const
from custom_components.sound_guard.const import DOMAIN, ISSUE_MODEL, SUBENTRY_MICROPHONE
from custom_components.sound_guard.deafness import DEAF, SILENT
from custom_components.sound_guard.health import Complaint
from custom_components.sound_guard.lookout import Why
from custom_components.sound_guard.news import FAULT, STUCK
from custom_components.sound_guard.remote import Trouble
from custom_components.sound_guard.src.hearing.card import Sensitivity
from custom_components.sound_guard.src.hearing.guard import Mode
from custom_components.sound_guard.src.hearing.second_look import CROWDED, LATE
from custom_components.sound_guard.src.hearing.source import Reason
from custom_components.sound_guard.src.hearing.verifier import FAULT as UNFORESEEN
from custom_components.sound_guard.verification import CHOICES, NO_MODEL, State as SecondLook

from .fakes import LABELS

ROOT = Path(__file__).parents[2]
INTEGRATION = ROOT / "custom_components" / DOMAIN
SOURCES = {path.name: path.read_text() for path in INTEGRATION.glob("*.py")}

RULES = """
action-setup appropriate-polling brands common-modules config-flow-test-coverage config-flow dependency-transparency
docs-actions docs-triggers docs-conditions docs-high-level-description docs-installation-instructions
docs-removal-instructions entity-event-setup entity-unique-id has-entity-name runtime-data test-before-configure
test-before-setup unique-config-entry
action-exceptions config-entry-unloading docs-configuration-parameters docs-installation-parameters entity-unavailable
integration-owner log-when-unavailable parallel-updates reauthentication-flow test-coverage
devices diagnostics discovery-update-info discovery docs-data-update docs-examples docs-known-limitations
docs-supported-devices docs-supported-functions docs-troubleshooting docs-use-cases dynamic-devices entity-category
entity-device-class entity-disabled-by-default entity-translations exception-translations icon-translations
reconfiguration-flow repair-issues stale-devices
async-dependency inject-websession strict-typing
"""
"""Of Home Assistant's integration quality scale: bronze, silver, gold, platinum."""

KEY = re.compile(r"^(?!.+[_-]{2})(?![_-])[a-z0-9-_]+(?<![_-])$")
ADDRESS = re.compile(r"(?:[a-z]+://|www\.)[a-z0-9]+(?:[-.][a-z0-9]+)*\.[a-z]{2,5}", re.IGNORECASE)

PLACEHOLDERS = {
    "date",
    "duration",
    "example",
    "folder",
    "level",
    "loudness",
    "microphone",
    "microphones",
    "minutes",
    "path",
    "peak",
    "percent",
    "place",
    "problem",
    "recipient",
    "result",
    "seconds",
    "sound",
    "time",
    "wait",
}
SECTIONS = {
    "common",
    "conditions",
    "config",
    "config_subentries",
    "entity",
    "exceptions",
    "issues",
    "options",
    "selector",
    "services",
    "system_health",
    "triggers",
}


def load(path: Path) -> Any:
    """Return a JSON file, which must not hold a key twice."""

    def once(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
        keys = [key for key, _ in pairs]
        assert len(keys) == len(set(keys)), f"{path.name} holds a key twice: {keys}"
        return dict(pairs)

    return json.loads(path.read_text(encoding="utf-8"), object_pairs_hook=once)


MANIFEST = load(INTEGRATION / "manifest.json")
ICONS = load(INTEGRATION / "icons.json")
TRANSLATIONS = load(INTEGRATION / "translations" / "en.json")
FLOW = TRANSLATIONS["config_subentries"][SUBENTRY_MICROPHONE]


def texts(tree: Any, path: tuple[str, ...] = ()) -> Iterator[tuple[tuple[str, ...], str]]:
    """Yield every text of a tree with its path."""
    if isinstance(tree, dict):
        for key, value in tree.items():
            yield from texts(value, (*path, key))
    else:
        yield path, tree


def strings(source: str) -> set[str]:
    """Return every string that stands in a Python file by itself."""
    return {
        node.value
        for node in ast.walk(ast.parse(source))
        if isinstance(node, ast.Constant) and isinstance(node.value, str)
    }


def test_the_manifest_has_what_the_validators_demand() -> None:
    required = {"codeowners", "documentation", "domain", "iot_class", "issue_tracker", "name", "version"}
    assert required <= MANIFEST.keys()
    assert MANIFEST["domain"] == INTEGRATION.name == DOMAIN
    assert list(MANIFEST) == ["domain", "name", *sorted(MANIFEST.keys() - {"domain", "name"})]
    assert all(owner.startswith("@") for owner in MANIFEST["codeowners"])
    assert MANIFEST["documentation"].startswith("https://")
    assert MANIFEST["issue_tracker"].startswith("https://")
    assert "quality_scale" not in MANIFEST, "only core integrations may claim one"


def test_every_rule_of_the_quality_scale_is_met_or_exempt_with_a_reason() -> None:
    rules = load_yaml_dict(str(INTEGRATION / "quality_scale.yaml"))["rules"]
    assert rules.keys() == set(RULES.split())
    for rule, verdict in rules.items():
        if isinstance(verdict, dict):
            assert verdict.keys() == {"status", "comment"}, rule
            assert verdict["status"] in ("done", "exempt"), rule
            assert len(verdict["comment"]) > 20, rule
        else:
            assert verdict == "done", f"{rule}: an exemption needs a reason"
    assert AwesomeVersion(MANIFEST["version"], ensure_strategy=AwesomeVersionStrategy.SEMVER)


def test_the_manifest_asks_for_nothing_that_home_assistant_os_cannot_install() -> None:
    assert MANIFEST["requirements"] == ["numpy>=2.3.2"]


def test_what_is_imported_from_home_assistants_components_is_a_dependency() -> None:
    declared = {*MANIFEST["dependencies"], *MANIFEST["after_dependencies"], *PLATFORMS}
    # Part of every Home Assistant, or without a set-up of its own.
    declared |= {"diagnostics", "logbook", "media_player", "repairs", "system_health"}
    used = {match for source in SOURCES.values() for match in re.findall(r"homeassistant\.components\.(\w+)", source)}
    assert used <= declared


def test_no_other_file_is_taken_for_a_manifest() -> None:
    ours = list(INTEGRATION.rglob("manifest.json"))
    assert ours == [INTEGRATION / "manifest.json"]


def test_every_platform_has_its_file_and_says_how_parallel_it_is() -> None:
    for platform in PLATFORMS:
        assert "PARALLEL_UPDATES = 0" in SOURCES[f"{platform}.py"]


@pytest.mark.parametrize(("path", "text"), list(texts(TRANSLATIONS)), ids=lambda value: str(value)[:60])
def test_a_text_is_plain(path: tuple[str, ...], text: str) -> None:
    assert all(KEY.match(key) for key in path)
    assert text == text.strip()
    assert text
    assert not re.search(r"<[^>]+>", text), "no HTML"
    assert not ADDRESS.search(text), "addresses come in as placeholders"
    assert not re.search(r"'\{\w+\}'", text), "no quoted placeholders"
    assert "[%" not in text, "references are not resolved outside of core"
    assert set(re.findall(r"\{([^}]*)\}", text)) <= PLACEHOLDERS


def test_the_translations_have_no_sections_that_home_assistant_does_not_know() -> None:
    assert TRANSLATIONS.keys() <= SECTIONS
    assert FLOW.keys() == {"entry_type", "initiate_flow", "step", "progress", "error", "abort"}


@pytest.mark.parametrize("flow", [TRANSLATIONS["config"], FLOW, TRANSLATIONS["options"]])
def test_every_field_is_named_and_explained(flow: dict[str, Any]) -> None:
    for step in flow["step"].values():
        assert step.get("data", {}).keys() == step.get("data_description", {}).keys()


def test_every_page_of_a_microphone_is_translated_and_no_other() -> None:
    flow = SOURCES["microphone_flow.py"]
    pages = set(re.findall(r"async def async_step_(\w+)", flow)) - {"listen", "save"}
    assert FLOW["step"].keys() == pages
    for menu in ("user", "reconfigure"):
        assert FLOW["step"][menu]["menu_options"].keys() == {"local", "stream", "camera"}
    assert FLOW["step"]["silence"]["menu_options"].keys() == {"save", "local", "stream", "camera"}


def test_every_reason_why_nothing_is_heard_is_translated_and_no_other() -> None:
    assert FLOW["error"].keys() == {*Reason, "hidden_address", "no_stream", "unknown"}


def test_every_problem_with_an_option_is_translated_and_no_other() -> None:
    pages = set.union(*(strings(source) for name, source in SOURCES.items() if name.endswith("_page.py")))
    errors = TRANSLATIONS["options"]["error"].keys()
    assert set(Trouble) <= errors
    assert errors <= pages | set(Trouble)


def test_every_reason_why_there_is_no_second_look_is_translated_and_no_other() -> None:
    reasons = {*Trouble, CROWDED, LATE, NO_MODEL, UNFORESEEN}
    told = {key for key in TRANSLATIONS["common"] if key.startswith("second_look_")}
    assert told == {f"second_look_{reason}" for reason in reasons}


def test_the_modes_of_the_guard_are_translated_and_no_other() -> None:
    assert TRANSLATIONS["selector"]["guard_mode"]["options"].keys() == set(Mode)


def test_the_places_of_a_second_look_are_translated_and_no_other() -> None:
    assert list(TRANSLATIONS["selector"]["second_look"]["options"]) == list(CHOICES)


def test_every_reason_why_an_armed_guard_does_not_hear_is_translated() -> None:
    assert {"not_listening", *(f"microphone_{why}" for why in Why)} <= TRANSLATIONS["common"].keys()


def test_every_exception_is_translated_and_no_other() -> None:
    raised = set(re.findall(r'(?:translation_key=|_refusal\()"(\w+)"', "".join(SOURCES.values()))) | {ISSUE_MODEL}
    raised -= {key for keys in translation_keys().values() for key in keys} | TRANSLATIONS["selector"].keys()
    assert TRANSLATIONS["exceptions"].keys() == raised


def test_every_issue_is_translated_and_no_other() -> None:
    single = {value for name, value in vars(const).items() if name.startswith("ISSUE_")}
    assert TRANSLATIONS["issues"].keys() == {*single, *Complaint}


def translation_keys() -> dict[str, set[str]]:
    """Return the translation keys that the entities of each platform use."""
    found = {
        platform: set(re.findall(r'^ +(?:_attr_)?translation_key ?= ?"(\w+)",?$', SOURCES[f"{platform}.py"], re.M))
        for platform in PLATFORMS
    }
    return {platform: keys for platform, keys in found.items() if keys}


def test_every_entity_is_translated_and_no_other() -> None:
    assert {platform: set(keys) for platform, keys in TRANSLATIONS["entity"].items()} == translation_keys()
    entity = TRANSLATIONS["entity"]
    assert entity["select"]["sensitivity"]["state"].keys() == set(Sensitivity)
    event = entity["event"]["sound"]["state_attributes"]
    assert event["event_type"]["state"].keys() == set(LABELS)
    assert event.keys() - {"event_type"} <= strings(SOURCES["event.py"])
    problem = entity["binary_sensor"]["connectivity"]["state_attributes"]["problem"]
    assert problem["state"].keys() == {*Reason, FAULT, STUCK, SILENT, DEAF}
    assert "problem" in strings(SOURCES["binary_sensor.py"])
    second_look = entity["sensor"]["second_look"]
    assert second_look["state"].keys() == set(SecondLook)
    assert second_look["state_attributes"].keys() <= strings(SOURCES["sensor.py"])
    panel = entity["alarm_control_panel"]["guard"]["state_attributes"]
    assert panel["triggered_by"]["state"].keys() == set(LABELS)
    assert panel.keys() <= strings(SOURCES["alarm_control_panel.py"])


def test_every_icon_belongs_to_an_entity_and_is_one_of_material_design() -> None:
    assert ICONS.keys() == {"conditions", "entity", "services", "triggers"}
    assert all(text.startswith("mdi:") for _, text in texts(ICONS))
    for platform, icons in ICONS["entity"].items():
        assert set(icons) <= translation_keys()[platform]
        for icon in icons.values():
            assert icon["default"] not in icon.get("state", {}).values(), "a state's icon must differ from the default"


def test_the_store_is_told_the_name_and_the_oldest_home_assistant() -> None:
    hacs = load(ROOT / "hacs.json")
    allowed = {
        "content_in_root",
        "country",
        "filename",
        "hacs",
        "hide_default_branch",
        "homeassistant",
        "name",
        "persistent_directory",
        "render_readme",
        "zip_release",
    }
    assert hacs.keys() <= allowed
    assert hacs["name"] == MANIFEST["name"]
    assert AwesomeVersion(hacs["homeassistant"]) >= "2026.10.0"
    assert bool(hacs.get("zip_release")) == ("filename" in hacs)


@pytest.mark.parametrize(("name", "size"), [("icon.png", 256), ("icon@2x.png", 512)])
def test_the_brand_has_an_icon_of_the_right_size(name: str, size: int) -> None:
    content = (INTEGRATION / "brand" / name).read_bytes()
    assert content[:8] == b"\x89PNG\r\n\x1a\n"
    assert int.from_bytes(content[16:20]) == int.from_bytes(content[20:24]) == size


def test_the_brand_has_a_logo() -> None:
    content = (INTEGRATION / "brand" / "logo.png").read_bytes()
    width, height = int.from_bytes(content[16:20]), int.from_bytes(content[20:24])
    assert 128 <= height <= 256
    assert width > height
