"""Names of sources, to be damaged, and what to damage them with."""

SPECS = (
    "default",
    "pyaudio:USB microphone: 1",
    "pulse:alsa_input.usb-C-Media_USB-00.mono",
    "alsa:plughw:CARD=U0x46d0x825,DEV=0",
    "rtsp://anna:s3cret@192.168.1.20:554/stream?channel=1&subtype=0",
    "rtsps://camera.local:322/live/track1",
    "http://[fe80::1]:8000/radio.mp3#now",
    "https://anna@radio.example/listen?token=s3cret",
    "rtsp://host/user=admin_password=x_channel=1.sdp",
)
SPEC_PIECES = (
    *r""":// @ : / ? # [ ] %00 %0d%0a .. ' " | { } \ = - file: concat: subfile,,start,0,end,0,,: data: pipe:0 tee:
    crypto: alsa: pulse: http: 99999999 ::1 user=x""".split(),
    *("\0", "\n", "\uff41", "\ud800", "x" * 5_000, "@" * 5_000, "http://" * 2_000, "a:" * 5_000),
)
