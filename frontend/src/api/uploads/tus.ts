import { DetailedError, Upload as TusUpload } from "tus-js-client";
import { type ApiError, csrfToken, errorFrom } from "../client";
import type { KnownClip, UploadEvent, UploadPort, UploadRequest, UploadSource } from "./queue";
import { sourceName } from "./queue";
import { zipStored } from "./zip";

/** One PATCH carries this much: small enough that a cut costs little, large enough not to be felt. */
const CHUNK_BYTES = 8 * 1024 * 1024;

/** The ending alone: the name itself may name a patient and stays on this device. */
function anonymousName(source: UploadSource): string {
  if (source.kind === "stills") return "clip.zip";
  const ending = /\.[a-z0-9]{1,8}$/i.exec(source.file.name)?.[0].toLowerCase() ?? "";
  return `clip${ending}`;
}

/** Tells one upload from another on this device, without keeping the file's name. */
async function fingerprint({ project, subject, source }: UploadRequest): Promise<string> {
  const files = source.kind === "file" ? [source.file] : source.files;
  const parts = files.map((file) => `${file.name}:${file.size}:${file.lastModified}`);
  const text = [project, subject, sourceName(source), ...parts].join("|");
  // Away from https and localhost a browser has no `subtle`; then two uploads are simply never the same.
  if (!crypto.subtle) return `sonoloop-${Math.random()}`;
  const digest = new Uint8Array(await crypto.subtle.digest("SHA-256", new TextEncoder().encode(text)));
  return `sonoloop-${Array.from(digest, (byte) => byte.toString(16).padStart(2, "0")).join("")}`;
}

async function payload(source: UploadSource): Promise<Blob> {
  if (source.kind === "file") return source.file;
  const entries = source.files.map((data, at) => {
    const ending = data.name.split(".").pop()?.toLowerCase() ?? "png";
    return { name: `${String(at + 1).padStart(5, "0")}.${ending}`, data };
  });
  return zipStored(entries);
}

/** What a failed request means for the upload. */
function meaningOf(problem: Error): UploadEvent {
  const answer = problem instanceof DetailedError ? problem.originalResponse : null;
  if (!(problem instanceof DetailedError)) return { type: "refused", message: problem.message };
  if (!answer) return { type: "cut", message: "The line was cut. What has arrived is kept." };
  const error: ApiError = errorFrom(answer.getStatus(), answer.getBody());
  if (error.code === "duplicate_clip") return { type: "duplicate", clip: error.detail.clip as KnownClip };
  if (error.status === 401) return { type: "cut", message: "Your session ended. Sign in and it goes on." };
  if (error.status >= 500 || error.status === 423 || error.status === 409)
    return { type: "cut", message: error.message };
  return { type: "refused", message: error.message };
}

/** Uploads over tus 1.0, going on where a cut one stopped. */
export const tusPort: UploadPort = {
  send(request, tell) {
    let upload: TusUpload | null = null;
    let stopped = false;

    async function begin() {
      if (request.source.kind === "stills") tell({ type: "packing" });
      const file = await payload(request.source);
      const print = await fingerprint(request);
      if (stopped) return;
      upload = new TusUpload(file, {
        endpoint: `/api/projects/${request.project}/uploads`,
        metadata: { filename: anonymousName(request.source), subject: request.subject },
        chunkSize: CHUNK_BYTES,
        retryDelays: [500, 2000, 5000],
        removeFingerprintOnSuccess: true,
        fingerprint: async () => print,
        onBeforeRequest: (sent) => sent.setHeader("X-CSRFToken", csrfToken()),
        onShouldRetry: (problem) => {
          const status = problem.originalResponse?.getStatus() ?? 0;
          return status === 0 || status >= 500 || status === 423;
        },
        onProgress: (sent, total) => tell({ type: "sent", sent, total }),
        onError: (problem) => tell(meaningOf(problem)),
        onSuccess: ({ lastResponse }) => {
          const clip = Number(lastResponse.getHeader("Sonoloop-Clip"));
          tell({ type: "stored", clip: clip || null });
        },
      });
      const [before] = await upload.findPreviousUploads();
      if (stopped) return;
      if (before) upload.resumeFromPreviousUpload(before);
      upload.start();
    }

    begin().catch((problem: unknown) => {
      tell({ type: "refused", message: problem instanceof Error ? problem.message : String(problem) });
    });
    return (discard) => {
      stopped = true;
      // Nobody waits for the server's word on bytes nobody wants; the server clears leftovers by age.
      upload?.abort(discard).catch(() => undefined);
    };
  },
};
