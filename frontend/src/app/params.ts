import { useParams } from "react-router";

function idFrom(text: string | undefined, name: string): number {
  const id = Number(text);
  if (!text || !Number.isInteger(id) || id < 1)
    throw new Error(`The address has no ${name} number: "${text ?? ""}"`);
  return id;
}

/** The id in `/p/:projectId`. */
export const useProjectId = () => idFrom(useParams().projectId, "project");
/** The id in `…/clips/:clipId`. */
export const useClipId = () => idFrom(useParams().clipId, "clip");
/** The id in `…/frames/:frameId`. */
export const useFrameId = () => idFrom(useParams().frameId, "frame");
