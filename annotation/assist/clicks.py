"""Clicks: a person points at a frame, the champion proposes the mask. Nothing is stored, in no database and no file.

    web process ── message on the queue `interactive` ──→ worker with the model loaded
         ↑                                                      │
         └────────── the answer, on a Redis channel of its own ─┘      nobody listens any more: it is gone

The web process never loads a model. It waits WAIT_S at most; a message nobody took in that time expires.
"""

import base64
import functools
import json
import logging
import time
import uuid
from collections.abc import Callable
from typing import TYPE_CHECKING, Any

import numpy as np
import redis

from annotation import files
from annotation.errors import BadRequest, Conflict, SonoloopError, Unavailable
from annotation.models import Annotation, Frame, Label, ModelVersion, Project, Revision
from webapp.broker import redis_url

if TYPE_CHECKING:
    from ml.interact import Point
    from ml.predict import Predictor

SLOT = 0  # the frame's common chain
WAIT_S = 5.0
CHANNEL = "sonoloop:answers:"
MOST_POINTS = 100
Load = Callable[[str, str], "Predictor"]
log = logging.getLogger(__name__)


def champion_for_clicks(project: Project, label: int | None = None) -> ModelVersion:
    """The champion, when it takes clicks (and knows the label). Raises Conflict saying what to do."""
    champion = ModelVersion.objects.filter(project=project, stage=ModelVersion.Stage.CHAMPION).first()
    if champion is None:
        raise Conflict("No model yet: train one, or correct by hand.", code="no_champion")
    config = champion.architecture.get("config")
    # Models of before the second input existed do not name it.
    if not isinstance(config, dict) or not config.get("aux", False):
        raise Conflict("This model does not take clicks; train a new one.", code="takes_no_clicks")
    if label is not None and label not in [each["index"] for each in champion.labels]:
        raise Conflict("The model does not know this label yet; train it on masks that show it.", code="label_unknown")
    return champion


def request_of(frame: Frame, wish: dict[str, Any]) -> dict[str, Any]:
    """The message for the worker: ids, places and the mask as it is.

    wish  {"label", "clicks", "box", "scribbles", "prior": PNG bytes | None, "over"}
    Raises Conflict as above, BadRequest for places outside the frame or unknown labels, BadMask for the prior.
    """
    clip = frame.clip
    known = set(Label.objects.filter(project_id=frame.project_id, removed_at=None).values_list("index", flat=True))
    strangers = {wish["label"], *wish["over"]} - known
    if strangers:
        raise BadRequest(f"This project has no label {min(strangers)}; it has {sorted(known)}.")
    champion = champion_for_clicks(frame.project, wish["label"])
    if not (wish["clicks"] or wish["scribbles"] or wish["box"]):
        raise BadRequest("Point at something: at least one click, a box or a scribble.")
    places = [(click["x"], click["y"]) for click in wish["clicks"]]
    places += [place for scribble in wish["scribbles"] for place in scribble["points"]]
    for x, y in places:
        if not (0 <= x < clip.width and 0 <= y < clip.height):
            raise BadRequest(f"The point {x:g}, {y:g} is outside the frame of {clip.width}×{clip.height} pixels.")
    box = wish["box"]
    if box:
        x0, y0, x1, y1 = box
        if not (0 <= x0 < x1 <= clip.width and 0 <= y0 < y1 <= clip.height):
            raise BadRequest(f"box must be [left, top, right, bottom] inside {clip.width}×{clip.height}; {box} came.")
    prior = wish["prior"]
    if prior is not None:
        ever = set(Label.objects.filter(project_id=frame.project_id).values_list("index", flat=True))
        files.decode_label_map(prior, height=clip.height, width=clip.width, allowed={0, 255, *ever})
    else:
        chains = Annotation.objects.filter(frame=frame, slot=SLOT).exclude(state=Annotation.State.UNTOUCHED)
        chain = chains.first()
        newest = Revision.objects.filter(annotation=chain, number=chain.head).first() if chain else None
        prior = bytes(newest.png) if newest else b""
    return {
        "reply": uuid.uuid4().hex,
        "frame": frame.pk,
        "model": champion.pk,
        "label": wish["label"],
        "over": list(wish["over"]),
        "clicks": [[click["x"], click["y"], click["positive"]] for click in wish["clicks"]],
        "box": box,
        "scribbles": [[scribble["points"], scribble["positive"]] for scribble in wish["scribbles"]],
        "prior": base64.b64encode(prior).decode(),
    }


def ask(message: dict[str, Any], send: Callable[[dict[str, Any]], None]) -> dict[str, Any]:
    """Send the message and wait for its answer: {"png": bytes, "score", "box", "changed", "model", "backend", "ms"}.

    Raises Unavailable when none comes in time or the broker is away, else what the worker refused it with.
    """
    try:
        with _client().pubsub(ignore_subscribe_messages=True) as channel:
            channel.subscribe(CHANNEL + message["reply"])  # before it is sent: an answer waits for nobody
            send(message)
            told = _listen(channel)
    except redis.RedisError as fault:
        log.warning("no answer to clicks: the broker is away (%s)", type(fault).__name__)
        told = None
    if told is None:
        raise Unavailable(f"The model gave no answer in {WAIT_S:.0f} s. Try again, or correct by hand.")
    if "error" in told:
        raise _refusal(told["error"])
    return {**told, "png": base64.b64decode(told["png"])}


def _listen(channel: Any) -> dict[str, Any] | None:
    give_up_at = time.monotonic() + WAIT_S
    while (left := give_up_at - time.monotonic()) > 0:
        told = channel.get_message(timeout=left)
        if told is not None:
            answer: dict[str, Any] = json.loads(told["data"])
            return answer
    return None


def _refusal(error: dict[str, Any]) -> SonoloopError:
    refusal = SonoloopError(error["message"], code=error["code"])
    refusal.status = error["status"]
    return refusal


def answer(message: dict[str, Any], load: Load) -> None:
    """In the worker: compute the proposal and tell who waits. Whoever waits is told of a refusal too."""
    try:
        told = _propose(message, load)
    except SonoloopError as refusal:
        told = {"error": {"status": refusal.status, "code": refusal.code, "message": refusal.message}}
    except Exception:  # a person waits: silence would cost them five seconds and tell them nothing
        log.exception("clicks on frame %s failed", message.get("frame"))
        told = {"error": {"status": 500, "code": "fault", "message": "A fault in Sonoloop stopped this. Try again."}}
    _client().publish(CHANNEL + message["reply"], json.dumps(told))


def warm(model_id: int, load: Load) -> None:
    """In the worker: have the model loaded before the first click needs it."""
    model = ModelVersion.objects.filter(pk=model_id).first()
    if model:
        load(model.weights_name, model.weights_sha256)


def _propose(message: dict[str, Any], load: Load) -> dict[str, Any]:
    from ml.errors import MlError
    from ml.interact import refine, takes_clicks

    began = time.monotonic()
    frame = Frame.objects.select_related("clip").filter(pk=message["frame"]).first()
    model = ModelVersion.objects.filter(pk=message["model"]).first()
    if frame is None or model is None:
        raise Conflict("The frame or the model is gone; open the frame again.", code="gone")
    clip = frame.clip
    predictor = load(model.weights_name, model.weights_sha256)
    if not takes_clicks(predictor):
        raise Conflict("This model does not take clicks; train a new one.", code="takes_no_clicks")
    picture = _picture(clip.pack_name, frame.pack_offset, frame.pack_length)
    png = base64.b64decode(message["prior"])
    prior = files.stored_label_map(png) if png else np.zeros((clip.height, clip.width), np.uint8)
    points = _points(message, max(clip.height, clip.width) / predictor.info.image_size)
    try:
        made = refine(predictor, picture, prior, message["label"], points, message["over"])
    except MlError as fault:
        raise BadRequest(str(fault)) from fault
    return {
        "png": base64.b64encode(files.encode_label_map(made.labelmap)).decode(),
        "score": round(made.score, 4),
        "box": made.box,
        "changed": made.changed,
        "model": model.number,
        "backend": predictor.backend.name,
        "ms": round((time.monotonic() - began) * 1000),
    }


def _points(message: dict[str, Any], scale: float) -> "list[Point]":
    """Everything the person pointed at, as clicks in the picture's pixels. scale: of those to one of the network's."""
    from ml.hints import CLICK_RADIUS
    from ml.interact import Point, points_of_box, points_of_scribble

    points = [Point(x, y, positive) for x, y, positive in message["clicks"]]
    for line, positive in message["scribbles"]:
        points += points_of_scribble([tuple(place) for place in line], positive, 2 * CLICK_RADIUS * scale)
    if message["box"]:
        points = points_of_box(tuple(message["box"])) + points
    if len(points) > MOST_POINTS:
        raise BadRequest(
            f"That is {len(points)} points; at most {MOST_POINTS} at once. Accept what is there and go on."
        )
    return points


@functools.lru_cache(maxsize=4)
def _picture(pack: str, offset: int, length: int) -> np.ndarray:
    """A frame's pixels, kept for the next click on it: they never change."""
    try:
        return files.decode_frame(files.read_slice(pack, offset, length))
    except OSError as fault:
        raise Conflict("The clip's pixels are missing on storage. Restore the data folder from a backup.") from fault


@functools.cache
def _client() -> redis.Redis:
    return redis.Redis.from_url(redis_url(), socket_connect_timeout=1, socket_timeout=2 * WAIT_S)
