import { equalize } from "./display";
import type { EqualizeAnswer, EqualizeTask } from "./pictureLayer";

/** Local contrast beside the page: a large picture takes longer than a stroke may wait. */
self.onmessage = ({ data: { id, grey, width, height } }: MessageEvent<EqualizeTask>) => {
  const answer: EqualizeAnswer = { id, grey: equalize(grey, width, height) };
  self.postMessage(answer, { transfer: [answer.grey.buffer] });
};
