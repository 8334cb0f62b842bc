"""Commands: `python -m training train|export|evaluate|dcase2017|studies`. Heavy imports wait: workers start fast."""

import argparse
import logging
import os
from pathlib import Path

from hearing.card import ATTENTION_CARD
from hearing.rcrnn_card import RCRNN_CARD
from hearing.sources import SourceError

from .config import Config, ConfigError
from .recordings import ManifestError


def main(arguments: list[str] | None = None) -> None:
    """Run one command; what the user did wrong ends it with a plain message."""
    parser = argparse.ArgumentParser(prog="python -m training", description=__doc__)
    parser.add_argument("command", choices=("train", "export", "evaluate", "dcase2017", "studies"))
    parser.add_argument("--config", default="attention", help="name in training/configs, or a .toml file")
    parser.add_argument("--fresh", action="store_true", help="train: forget an earlier, interrupted run")
    parser.add_argument("--card", type=Path, help="export, evaluate, dcase2017: the model card")
    parser.add_argument(
        "--tut", type=Path, metavar="FOLDER", help="dcase2017: score the official mixtures in this folder"
    )
    parser.add_argument(
        "--write",
        type=Path,
        metavar="FOLDER",
        help="evaluate: write the documents there; dcase2017: write recipes and event lists there",
    )
    parser.add_argument("--quick", action="store_true", help="evaluate: a look at a few recordings; changes no file")
    parser.add_argument(
        "--redraw", action="store_true", help="evaluate: only write the documents again, from docs/evaluation.json"
    )
    parser.add_argument("--files", type=int, default=500, help="dcase2017: score only so many mixtures of each sound")
    parser.add_argument("--sweep", action="store_true", help="dcase2017: also score other thresholds")
    options = parser.parse_args(arguments)
    os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "2")
    os.environ.setdefault("TF_ENABLE_ONEDNN_OPTS", "1")
    logging.getLogger("absl").setLevel(logging.ERROR)
    try:
        config = Config.load(options.config)
        second = config.network == "rcrnn"
        card = options.card or (RCRNN_CARD if second else ATTENTION_CARD)
        if options.command == "train":
            from .train import train

            train(config, fresh=options.fresh)
        elif options.command == "export" and second:
            from .export_rcrnn import export_rcrnn

            export_rcrnn(config, card)
        elif options.command == "export":
            from .export import export

            export(config, card)
        elif options.command == "evaluate":
            from .documents import redraw
            from .evaluate import DOCUMENTS, README, evaluate

            if options.redraw:
                redraw(options.write or DOCUMENTS, None if options.write else README)
                return
            if second:
                from .second_looks import evaluate_second_looks

                evaluate_second_looks(config, ATTENTION_CARD, card)
                redraw(DOCUMENTS, README)
                return
            evaluate(config, card, quick=options.quick, write_folder=options.write)
        elif options.command == "studies" and second:
            from . import second_looks

            second_looks.studies(ATTENTION_CARD)
        elif options.command == "studies":
            from .studies import studies

            studies()
        else:
            from .dcase2017 import dcase2017

            dcase2017(
                config,
                card,
                tut_folder=options.tut,
                write_folder=options.write,
                files=max(1, options.files),
                sweep=options.sweep,
            )
    except (ConfigError, ManifestError, SourceError) as error:
        raise SystemExit(str(error)) from error


if __name__ == "__main__":
    main()
