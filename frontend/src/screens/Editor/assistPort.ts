import { ApiError, api, send } from "../../api/client";
import { decodeMask, encodeMask } from "../../api/masks";
import type { AssistWish, ClicksAvailable } from "../../api/types";
import type { AssistAnswer, AssistRequest, Hint } from "../../editor";

/** The server gives up after 5 s; longer and the line is dead. */
const LONGEST_MS = 12_000;

/** Whether the project's champion takes clicks, and why not; the worker loads it meanwhile. */
export function fetchClicksAvailable(frameId: string, signal?: AbortSignal): Promise<ClicksAvailable> {
  return api.get(`/api/frames/${frameId}/assist`, signal ? { signal } : {});
}

/** Ask the model for the mask these hints mean. */
export async function askModel(request: AssistRequest, signal: AbortSignal): Promise<AssistAnswer> {
  try {
    const prior = toBase64(await encodeMask(request.prior));
    const wish: AssistWish = { label: request.label, over: [...request.over], prior, ...told(request.hints) };
    const answer = await send("POST", `/api/frames/${request.frameId}/assist`, JSON.stringify(wish), {
      headers: { "Content-Type": "application/json" },
      signal: AbortSignal.any([signal, AbortSignal.timeout(LONGEST_MS)]),
    });
    const map = await decodeMask(new Uint8Array(await answer.arrayBuffer()));
    const score = Number(answer.headers.get("Sonoloop-Score"));
    return { kind: "proposed", map, box: boxOf(answer.headers.get("Sonoloop-Box")), score };
  } catch (error) {
    if (signal.aborted) throw error;
    return refusalOf(error);
  }
}

/** What a failed question means for the person who asked it. */
export function refusalOf(error: unknown): AssistAnswer {
  if (error instanceof DOMException && error.name === "TimeoutError")
    return { kind: "busy", message: "The model gave no answer. Your clicks are kept." };
  if (!(error instanceof ApiError)) throw error;
  const { status, message } = error;
  if (status === 401) return { kind: "busy", message: "Sign in again; your clicks are kept." };
  if (status === 0 || status === 408 || status === 429 || status >= 500)
    return { kind: "busy", message: `${message} Your clicks are kept.` };
  return { kind: "refused", message };
}

/** Hints as the server wants them: of boxes it takes one, the newest. */
export function told(hints: readonly Hint[]): Pick<AssistWish, "clicks" | "box" | "scribbles"> {
  const clicks = hints.flatMap((hint) =>
    hint.kind === "click" ? [{ x: hint.at.x, y: hint.at.y, positive: hint.positive }] : [],
  );
  const scribbles = hints.flatMap((hint) =>
    hint.kind === "scribble"
      ? [{ points: hint.points.map(({ x, y }) => [x, y]), positive: hint.positive }]
      : [],
  );
  const box = hints.findLast((hint) => hint.kind === "box");
  if (!box) return { clicks, scribbles };
  const { from, to } = box;
  const sides = [
    Math.min(from.x, to.x),
    Math.min(from.y, to.y),
    Math.max(from.x, to.x),
    Math.max(from.y, to.y),
  ];
  return { clicks, scribbles, box: sides };
}

/** "x0,y0,x1,y1", x1 and y1 outside, as a box; null where it is empty. Throws where the server sent something else. */
export function boxOf(text: string | null): { x: number; y: number; width: number; height: number } | null {
  const sides = (text ?? "").split(",").map(Number);
  if (sides.length !== 4 || !sides.every(Number.isInteger))
    throw new Error(`expected a box like "0,0,12,8" with the proposal, got ${text ?? "none"}`);
  const [x, y, right, bottom] = sides;
  return right > x && bottom > y ? { x, y, width: right - x, height: bottom - y } : null;
}

function toBase64(bytes: Uint8Array): string {
  const letters: string[] = [];
  // A call takes some 65 000 arguments.
  for (let at = 0; at < bytes.length; at += 32_768)
    letters.push(String.fromCharCode(...bytes.subarray(at, at + 32_768)));
  return btoa(letters.join(""));
}
