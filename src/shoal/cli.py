"""The command line: parse and call. What each verb does is in `commands` and `round_commands`."""

import argparse
import os
import sys
from collections.abc import Sequence
from contextlib import nullcontext

from shoal import __version__
from shoal.stopping import ends_on_interrupt

EXIT_REFUSED = 1
EXIT_INTERRUPTED = 130
OF_ROUNDS = frozenset({"learn", "accept", "reject", "rounds", "model", "predict"})

MAIN_JOB = "shoal map photos/      look, lasso, press a key: a map of thumbnails in your browser"


def build_parser() -> argparse.ArgumentParser:
    """Describe every verb and its options."""
    parser = argparse.ArgumentParser(
        prog="shoal",
        description=__import__("shoal").__doc__,
        epilog=MAIN_JOB,
    )
    parser.add_argument("--version", action="version", version=f"shoal {__version__}")
    verbs = parser.add_subparsers(dest="verb", metavar="VERB", required=True)
    _add_map(verbs.add_parser("map", help="embed piles of images and show their map (the main job)"))
    _add_serve(verbs.add_parser("serve", help="show a workspace in the browser"))
    _add_info(
        verbs.add_parser("info", help="count what a workspace holds and list what was skipped, and why")
    )
    _add_label(verbs.add_parser("label", help="read labels from a file into a workspace"))
    _add_columns(verbs.add_parser("columns", help="read metadata of the items from a table"))
    _add_export(
        verbs.add_parser("export", help="write the labels as CSV, Parquet, JSONL or a folder of images")
    )
    _add_learn(verbs.add_parser("learn", help="learn from the labels: predictions, and a map that re-forms"))
    _add_accept(verbs.add_parser("accept", help="make labels of the predictions that are sure enough"))
    _add_reject(verbs.add_parser("reject", help="say that predictions of a class are wrong"))
    _add_rounds(verbs.add_parser("rounds", help="list the rounds, or go back to one"))
    _add_undo(verbs.add_parser("undo", help="take back your latest gesture"))
    _add_model(verbs.add_parser("model", help="write a round's model as safetensors, ONNX and a card"))
    _add_predict(verbs.add_parser("predict", help="predict new images with a model, without the workspace"))
    _add_picture(verbs.add_parser("picture", help="draw the map with its thumbnails into a PNG"))
    _add_verify(verbs.add_parser("verify", help="check every file of a workspace for damage"))
    _add_demo(verbs.add_parser("demo", help="fetch a set of real pictures and map it"))
    return parser


def _add_map(verb: argparse.ArgumentParser) -> None:
    verb.add_argument(
        "piles", nargs="+", metavar="PILE", help="a folder of images, or a workspace to go on with"
    )
    verb.add_argument("--into", metavar="WORKSPACE", help="the workspace (default: ./NAME-OF-PILE.shoal)")
    verb.add_argument("--backbone", metavar="NAME", help="the network that embeds")
    verb.add_argument("--layer", metavar="NAME", help="the layer the map is drawn of (default: the last)")
    verb.add_argument("--projector", metavar="NAME", help="the method that draws the map")
    verb.add_argument(
        "--fast",
        action=argparse.BooleanOptionalAction,
        default=None,
        help="8-bit arithmetic: up to 1.5 times as fast, vectors less exact",
    )
    verb.add_argument("--retry", action="store_true", help="try again what was skipped before")
    verb.add_argument(
        "--no-serve", action="store_true", help="make the map and stop, without opening the page"
    )
    _add_server_options(verb)
    _add_json(verb)


def _add_serve(verb: argparse.ArgumentParser) -> None:
    _add_workspace(verb)
    _add_server_options(verb)


def _add_info(verb: argparse.ArgumentParser) -> None:
    _add_workspace(verb)
    _add_json(verb)


def _add_label(verb: argparse.ArgumentParser) -> None:
    _add_workspace(verb)
    verb.add_argument(
        "--from", dest="file", required=True, metavar="FILE", help="CSV or JSONL with path and class"
    )
    _add_json(verb)


def _add_columns(verb: argparse.ArgumentParser) -> None:
    _add_workspace(verb)
    verb.add_argument(
        "--from",
        dest="file",
        required=True,
        metavar="FILE",
        help="CSV or Parquet with path and more",
    )
    _add_json(verb)


def _add_export(verb: argparse.ArgumentParser) -> None:
    _add_workspace(verb)
    verb.add_argument(
        "--to",
        dest="target",
        required=True,
        metavar="TARGET",
        help="labels.csv, labels.parquet, labels.jsonl, or a folder: one folder of images per class",
    )
    _add_json(verb)


def _add_learn(verb: argparse.ArgumentParser) -> None:
    _add_workspace(verb)
    verb.add_argument(
        "--loss",
        default="silhouette",
        metavar="NAME",
        help="what the head minimises (its map: the last stop of the page's layers)",
    )
    verb.add_argument("--dim", type=int, default=16, metavar="D", help="the head's dimensions (default: 16)")
    verb.add_argument("--layer", metavar="NAME", help="the layer to learn on (default: the map's)")
    verb.add_argument("--seed", type=int, default=0, metavar="N", help="what chance begins with (default: 0)")
    verb.add_argument(
        "--backbone", metavar="FILE", help="train the network itself and write it to FILE.safetensors instead"
    )
    verb.add_argument("--steps", type=int, default=60, metavar="N", help="of that training (default: 60)")
    _add_json(verb)


def _add_accept(verb: argparse.ArgumentParser) -> None:
    _add_workspace(verb)
    verb.add_argument(
        "--at-least", type=float, required=True, metavar="P", help="how sure a prediction must be, 0 to 1"
    )
    verb.add_argument("--class", dest="class_name", metavar="NAME", help="only predictions of this class")
    _add_json(verb)


def _add_reject(verb: argparse.ArgumentParser) -> None:
    _add_workspace(verb)
    verb.add_argument("--class", dest="class_name", required=True, metavar="NAME", help="the class predicted")
    only = verb.add_mutually_exclusive_group()
    only.add_argument("--below", type=float, metavar="P", help="only predictions less sure, 0 to 1")
    only.add_argument("--ids", type=int, nargs="+", metavar="ID", help="only these items")
    _add_json(verb)


def _add_rounds(verb: argparse.ArgumentParser) -> None:
    _add_workspace(verb)
    verb.add_argument("--back-to", type=int, metavar="N", help="show the map and predictions of round N")
    _add_json(verb)


def _add_undo(verb: argparse.ArgumentParser) -> None:
    _add_workspace(verb)
    _add_json(verb)


def _add_model(verb: argparse.ArgumentParser) -> None:
    _add_workspace(verb)
    verb.add_argument("--to", dest="target", required=True, metavar="FOLDER", help="where the model goes")
    verb.add_argument("--round", type=int, metavar="N", help="which round's (default: the current one's)")
    _add_json(verb)


def _add_predict(verb: argparse.ArgumentParser) -> None:
    verb.add_argument("model", metavar="MODEL", help="a folder that `shoal model` wrote")
    verb.add_argument("pile", metavar="PILE", help="a folder of images")
    verb.add_argument(
        "--to", dest="target", required=True, metavar="FILE", help="predictions.csv or predictions.jsonl"
    )
    _add_json(verb)


def _add_picture(verb: argparse.ArgumentParser) -> None:
    _add_workspace(verb)
    verb.add_argument("--to", dest="target", required=True, metavar="PNG", help="where the picture goes")
    _add_json(verb)


def _add_verify(verb: argparse.ArgumentParser) -> None:
    _add_workspace(verb)
    verb.add_argument("--repair", action="store_true", help="set damaged files aside, to be made anew")
    _add_json(verb)


def _add_demo(verb: argparse.ArgumentParser) -> None:
    verb.add_argument(
        "name", nargs="?", default="emoji", metavar="NAME", help="emoji (default), solar or fashion"
    )
    verb.add_argument("--into", metavar="WORKSPACE", help="the workspace (default: ./NAME.shoal)")
    verb.add_argument("--no-serve", action="store_true", help="end with a summary and the picture of the map")
    _add_server_options(verb)
    _add_json(verb)


def _add_workspace(verb: argparse.ArgumentParser) -> None:
    verb.add_argument("workspace", metavar="WORKSPACE", help="the folder that holds it all")


def _add_json(verb: argparse.ArgumentParser) -> None:
    verb.add_argument("--json", dest="as_json", action="store_true", help="print JSON instead of sentences")


def _add_server_options(verb: argparse.ArgumentParser) -> None:
    verb.add_argument("--host", default="127.0.0.1", metavar="H", help="the address to listen on")
    verb.add_argument(
        "--port", type=int, default=None, metavar="P", help="the port (default: 8765, or the next free)"
    )
    verb.add_argument(
        "--token",
        default=os.environ.get("SHOAL_TOKEN"),
        metavar="T",
        help="the access token, needed beyond this machine (default: $SHOAL_TOKEN, read by no other user)",
    )
    verb.add_argument(
        "--allow-host",
        action="append",
        default=[],
        metavar="HOST[:PORT]",
        help="another name that browsers may call the server by, as behind a proxy; may be given again",
    )
    verb.add_argument("--no-browser", action="store_true", help="print the address, open nothing")


def main(argv: Sequence[str] | None = None) -> int:
    """Run one verb; return 0 when it did what was asked, 1 when it refused, 2 for a wrong command line."""
    arguments = build_parser().parse_args(argv)

    def say_stopped() -> None:
        print(f"\nstopped; {_after_interrupt(arguments)}", file=sys.stderr, flush=True)

    def give_up() -> None:
        say_stopped()
        os._exit(EXIT_INTERRUPTED)

    serves = arguments.verb == "serve" or not getattr(arguments, "no_serve", True)
    try:
        # a server ends in its own time: its job has to end first
        with nullcontext() if serves else ends_on_interrupt(give_up):
            return _run(arguments)
    except KeyboardInterrupt:
        say_stopped()
        return EXIT_INTERRUPTED
    except BrokenPipeError:
        # the reader of our output has gone; nothing more can be said to it
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return EXIT_REFUSED


def _run(arguments: argparse.Namespace) -> int:
    # imported here, so that Ctrl-C meanwhile is no traceback
    from shoal import commands, round_commands
    from shoal.types import ShoalError

    room = round_commands if arguments.verb in OF_ROUNDS else commands
    try:
        code: int = getattr(room, f"run_{arguments.verb}")(arguments)
        return code
    except ShoalError as error:
        print(f"shoal {arguments.verb}: {error}", file=sys.stderr)
        return EXIT_REFUSED


def _after_interrupt(arguments: argparse.Namespace) -> str:
    """Say what is left of a command that was stopped."""
    if arguments.verb == "learn" and not arguments.backbone:
        return "nothing was saved"
    if arguments.verb in ("map", "demo", "serve", "learn"):
        return "the same command goes on where it was"
    return "what it wrote so far is whole"


if __name__ == "__main__":
    raise SystemExit(main())
