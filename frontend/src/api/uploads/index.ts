import { useSyncExternalStore } from "react";
import { isOver, type Upload, UploadQueue } from "./queue";
import { tusPort } from "./tus";

/** The uploads of this tab. */
export const uploads = new UploadQueue(tusPort);

window.addEventListener("online", () => uploads.resumeHeld());
window.addEventListener("beforeunload", (event) => {
  if (uploads.snapshot().some((upload) => !isOver(upload))) event.preventDefault();
});

export function useUploads(): readonly Upload[] {
  return useSyncExternalStore(uploads.subscribe, uploads.snapshot);
}

export { filesOfDrop, filesOfInput, sourcesOf } from "./dropped";
export type { Upload, UploadSource } from "./queue";
export { isBusy, isOver, sourceName } from "./queue";
