"""Writes two_signatures.tflite, the small model of test_tflite.py. Runs in the training environment."""

from pathlib import Path
from tempfile import TemporaryDirectory

import keras
import tensorflow as tf

FRAMES, BANDS, FEATURES, SOUNDS = 12, 8, 4, 2


def main() -> None:
    """Build a miniature of the attention model, with its two signatures, and convert it."""
    keras.utils.set_random_seed(1)
    layers = keras.layers
    image = keras.Input((FRAMES, BANDS, 1))
    hidden = layers.Conv2D(4, 3, strides=2, padding="same", activation="relu")(image)
    hidden = layers.DepthwiseConv2D(3, padding="same", activation="relu6")(hidden)
    hidden = layers.Conv2D(FEATURES, 1)(layers.AveragePooling2D((1, 4))(hidden))
    encoder = keras.Model(image, layers.Reshape((FRAMES // 2, FEATURES))(hidden))
    frames = keras.Input((FRAMES // 2, FEATURES))
    fused = layers.Concatenate()([frames, layers.UpSampling1D(2)(layers.AveragePooling1D(2)(frames))])
    scores = layers.Conv1D(SOUNDS, 3, padding="same")(fused)
    attention = layers.Softmax(axis=1)(scores)
    clip = keras.ops.sum(keras.ops.sigmoid(scores) * attention, axis=1)
    head = keras.Model(frames, {"attention": attention, "clip": clip})

    archive = keras.export.ExportArchive()
    archive.track(encoder)
    archive.track(head)
    archive.add_endpoint(
        "encode",
        lambda frames: {"features": encoder(frames, training=False)},
        input_signature=[tf.TensorSpec((1, FRAMES, BANDS, 1), tf.float32, name="frames")],
    )
    archive.add_endpoint(
        "attend",
        lambda features: head(features, training=False),
        input_signature=[tf.TensorSpec((1, FRAMES // 2, FEATURES), tf.float32, name="features")],
    )
    with TemporaryDirectory() as folder:
        archive.write_out(folder, verbose=False)
        converter = tf.lite.TFLiteConverter.from_saved_model(folder, signature_keys=["encode", "attend"])
        Path(__file__).with_name("two_signatures.tflite").write_bytes(converter.convert())


if __name__ == "__main__":
    main()
