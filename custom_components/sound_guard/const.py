"""Names that the integration's files share. No audio numbers here: those travel with the model."""

from typing import Final

DOMAIN: Final = "sound_guard"

SUBENTRY_MICROPHONE: Final = "microphone"

# A microphone's subentry holds exactly one of the two.
CONF_SOURCE: Final = "source"
CONF_CAMERA: Final = "camera"

# Options of the installation.
CONF_HOLD: Final = "hold"
CONF_EXIT_DELAY: Final = "exit_delay"
CONF_CODE: Final = "code"
CONF_ALWAYS_ALERT: Final = "always_alert"

DEFAULT_HOLD_S: Final = 60
DEFAULT_EXIT_DELAY_S: Final = 30

ISSUE_MODEL: Final = "model_unusable"
