"""The hearing engine: sound in, detections out. Standard library and numpy only, no framework."""

from .card import CardError, ModelCard, Sensitivity
from .detection import Detection, Phase
from .listener import Listener

__all__ = ["CardError", "Detection", "Listener", "ModelCard", "Phase", "Sensitivity"]
