"""The other languages say all that English says, and nothing else."""

import re
from collections.abc import Callable
from string import Formatter

import pytest
from homeassistant.core import HomeAssistant
from homeassistant.helpers.translation import async_get_translations

from custom_components.sound_guard.const import DOMAIN

from .test_validation import INTEGRATION, load, texts

FOLDER = INTEGRATION / "translations"

ENGLISH = "en"
OTHERS = ("de", "es", "fr", "it", "nl")

THIS_MESSAGE = {
    "de": "Dieser Hinweis",
    "en": "This message",
    "es": "Este mensaje",
    "fr": "Ce message",
    "it": "Questo messaggio",
    "nl": "Dit bericht",
}
"""What a repair calls itself: no alert, and none of Home Assistant's notifications."""

CONFIDENCE = (
    "common.confidence",
    "entity.alarm_control_panel.guard.state_attributes.confidence.name",
    "entity.event.sound.state_attributes.verifier_confidence.name",
    "entity.sensor.walk_test.state_attributes.sure_percent.name",
    "options.step.calm.data.playing_percent",
    "triggers.smoke_alarm_detected.fields.confidence.name",
)

FEW_WORDS = 3
"""So few may be the same in two languages: "Sound Guard", a name, a code."""


def told(language: str) -> dict[str, str]:
    """Return every text of a language by its key, as Home Assistant names them."""
    return {".".join(path): text for path, text in texts(load(FOLDER / f"{language}.json"))}


def placeholders(text: str) -> list[str]:
    """Return what is filled in, in alphabetical order; raises ValueError if the braces do not match."""
    return sorted(name for _, name, _, _ in Formatter().parse(text) if name is not None)


def words(text: str) -> list[str]:
    """Return the words of a text without what is filled in."""
    return re.findall(r"[^\W\d_]{2,}", re.sub(r"\{\w+\}", "", text))


def wrong(language: str, is_wrong: Callable[[str, str], object]) -> dict[str, str]:
    """Return the texts of a language of which something is true, given key and text."""
    return {key: text for key, text in told(language).items() if is_wrong(key, text)}


def test_every_language_has_its_file_and_no_other() -> None:
    assert {path.stem for path in FOLDER.glob("*.json")} == {ENGLISH, *OTHERS}


@pytest.mark.parametrize("language", OTHERS)
def test_a_language_says_all_that_english_says_and_no_more(language: str) -> None:
    assert told(language).keys() == told(ENGLISH).keys()


@pytest.mark.parametrize("language", OTHERS)
def test_a_language_fills_in_what_english_fills_in(language: str) -> None:
    english = told(ENGLISH)
    assert not wrong(language, lambda key, text: placeholders(text) != placeholders(english.get(key, "")))


@pytest.mark.parametrize("language", OTHERS)
def test_nothing_is_left_in_english(language: str) -> None:
    english = told(ENGLISH)
    assert not wrong(language, lambda key, text: text == english.get(key) and len(words(text)) > FEW_WORDS)


@pytest.mark.parametrize("language", [ENGLISH, *OTHERS])
def test_no_text_is_empty_or_has_blanks_around_it(language: str) -> None:
    assert not wrong(language, lambda _, text: not text or text != text.strip() or "  " in text)


@pytest.mark.parametrize("language", [ENGLISH, *OTHERS])
def test_pages_show_a_text_as_it_is_written(language: str) -> None:
    # In the pages' message format, an apostrophe before a brace hides what is to be filled in: ’ does not.
    assert not wrong(language, lambda _, text: re.search(r"'[{}']|[<>]|\[%", text))


@pytest.mark.parametrize("language", [ENGLISH, *OTHERS])
def test_apostrophes_are_written_in_one_way(language: str) -> None:
    assert not wrong(language, lambda _, text: re.search(r"’(?!\{)", text))


def test_french_marks_stay_on_the_line_of_their_word() -> None:
    assert not wrong("fr", lambda _, text: re.search(r"\S [:;?!»]|« ", text))


@pytest.mark.parametrize("language", [ENGLISH, *OTHERS])
def test_how_sure_it_is_has_one_name(language: str) -> None:
    texts = told(language)
    name = texts["entity.event.sound.state_attributes.confidence.name"]
    assert not {key: texts[key] for key in CONFIDENCE if not texts[key].startswith(name)}


@pytest.mark.parametrize(("language", "words"), THIS_MESSAGE.items())
def test_a_repair_that_goes_by_itself_calls_itself_by_one_name(language: str, words: str) -> None:
    goes = {key for key, text in told(ENGLISH).items() if THIS_MESSAGE[ENGLISH] in text}
    assert len(goes) > 1
    assert goes == {key for key, text in told(language).items() if words in text}


@pytest.mark.parametrize("language", OTHERS)
def test_a_text_has_as_many_paragraphs_and_points_as_in_english(language: str) -> None:
    english = told(ENGLISH)

    def shape(text: str) -> list[str]:
        return re.findall(r"\n(?:- )?", text)

    assert not wrong(language, lambda key, text: shape(text) != shape(english.get(key, "")))


@pytest.mark.parametrize("language", [ENGLISH, *OTHERS])
async def test_home_assistant_loads_every_text(hass: HomeAssistant, language: str) -> None:
    loaded: dict[str, str] = {}
    for category in load(FOLDER / f"{ENGLISH}.json"):
        # What it refuses would be there in English.
        loaded |= await async_get_translations(hass, language, category, [DOMAIN])
    assert loaded == {f"component.{DOMAIN}.{key}": text for key, text in told(language).items()}
