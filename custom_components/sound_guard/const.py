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
CONF_ENTRY_DELAY: Final = "entry_delay"
CONF_TRIGGER_TIME: Final = "trigger_time"
CONF_TRIGGERS: Final = "triggers"
CONF_CODE_HASH: Final = "code_hash"
CONF_CODE_TO_ARM: Final = "code_to_arm"
CONF_KEEP_CLIPS: Final = "keep_clips"
CONF_CLIP_DAYS: Final = "clip_days"
CONF_CLIP_MEGABYTES: Final = "clip_megabytes"
CONF_WALK_TEST_REMINDER: Final = "walk_test_reminder"
CONF_NOTIFY: Final = "notify"
CONF_ALERTS: Final = "alerts"
CONF_WARN: Final = "warn"
CONF_REPEAT: Final = "repeat"
CONF_PERSISTENT: Final = "persistent"
CONF_PLAYING_PERCENT: Final = "playing_percent"
CONF_AGREE: Final = "agree"
CONF_SECOND_LOOK: Final = "second_look"
CONF_LOOK_LIMIT: Final = "second_look_limit"
CONF_SERVER: Final = "second_look_server"
CONF_TOKEN: Final = "second_look_token"  # noqa: S105  a name, no token
CONF_ANY_CERTIFICATE: Final = "second_look_any_certificate"

DEFAULT_HOLD_S: Final = 60
DEFAULT_EXIT_DELAY_S: Final = 30
DEFAULT_CLIP_DAYS: Final = 7
DEFAULT_CLIP_MEGABYTES: Final = 200
DEFAULT_PLAYING_PERCENT: Final = 99
DEFAULT_LOOK_LIMIT_S: Final = 2.0

ISSUE_MODEL: Final = "model_unusable"
ISSUE_CLIPS: Final = "clips_unwritable"
ISSUE_RECIPIENT: Final = "recipient_missing"
ISSUE_WALK_TEST: Final = "walk_test_due"
ISSUE_VERIFIER: Final = "verifier_unavailable"
