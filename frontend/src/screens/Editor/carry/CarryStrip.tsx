import { Button, Progress } from "@mantine/core";
import { useElementSize } from "@mantine/hooks";
import { useQuery } from "@tanstack/react-query";
import { memo, useEffect, useRef } from "react";
import { send } from "../../../api/client";
import { type ColorTables, Labelmap, paintOverlay } from "../../../editor";
import { count, plural, score } from "../../../ui/format";
import styles from "../Editor.module.css";
import { KeyHint } from "../keyNames";
import type { Outcome, Proposal } from "./proposals";
import type { Carry } from "./useCarry";

const WIDTH = 112;

interface Strip {
  carry: Carry;
  colors: ColorTables;
  onOpen: (frame: number) => void;
}

/** The strip over the bottom of the picture, and how high it is: 0 where there is none. */
export function CarryStrip({ onHeight, ...strip }: Strip & { onHeight: (height: number) => void }) {
  const { ref, height } = useElementSize<HTMLDivElement>();
  useEffect(() => onHeight(height), [onHeight, height]);
  useEffect(() => () => onHeight(0), [onHeight]);
  return (
    <div ref={ref} className={styles.carryPlace}>
      <Offered {...strip} />
    </div>
  );
}

/** What was accepted last, and what is offered still: looked at, accepted one by one or all at once. */
function Offered(strip: Strip) {
  const { job, accepted, proposals } = strip.carry;
  if (job) {
    const share = job.progress_total ? (100 * job.progress_done) / job.progress_total : 0;
    return (
      <div className={styles.carry} role="status">
        <div className={styles.carryHead}>
          <span>
            {job.state === "queued" ? "Waiting for a worker" : job.message || "Following the motion"}
          </span>
          <Progress
            value={share}
            className={styles.carryProgress}
            aria-label="Progress"
            animated={share === 0}
          />
          <Button size="compact-xs" variant="subtle" color="gray" onClick={strip.carry.cancel}>
            Cancel
          </Button>
        </div>
      </div>
    );
  }
  return (
    <>
      {accepted && <AcceptedBar carry={strip.carry} accepted={accepted} />}
      {proposals.length > 0 && <Cards {...strip} />}
    </>
  );
}

function AcceptedBar({ carry, accepted: { saved } }: { carry: Carry; accepted: Outcome }) {
  return (
    <div className={styles.carry} role="status" data-testid="carry-accepted">
      <div className={styles.carryHead}>
        <span>
          {plural(saved.length, "mask")} accepted.{carry.refusals}
        </span>
        {saved.length > 0 && (
          <Button
            size="compact-xs"
            variant="default"
            loading={carry.busy}
            rightSection={<KeyHint>Ctrl Z</KeyHint>}
            onClick={() => void carry.takeBack()}
          >
            Take back
          </Button>
        )}
        <span className={styles.spring} />
        <Button size="compact-xs" variant="subtle" color="gray" onClick={carry.putAway}>
          Keep
        </Button>
      </div>
    </div>
  );
}

function Cards({ carry, colors, onOpen }: Strip) {
  const { proposals, here } = carry;
  // Over work a person has begun a mask goes only one by one, looked at.
  const fresh = proposals.filter(({ frame }) => frame.state === "untouched");
  const sure = fresh.filter(({ isDoubtful }) => !isDoubtful);
  const doubtful = proposals.filter(({ isDoubtful }) => isDoubtful);
  return (
    <section className={styles.carry} aria-label="Masks carried over" data-testid="carry-strip">
      <div className={styles.carryOffer}>
        <span>
          {plural(proposals.length, "mask")} offered
          {doubtful.length > 0 && `, ${count(doubtful.length)} doubtful`}
          {fresh.length < proposals.length &&
            `, ${count(proposals.length - fresh.length)} on frames already begun`}
        </span>
        <div className={styles.carryButtons}>
          {here && (
            <Button
              size="compact-xs"
              loading={carry.busy}
              rightSection={<KeyHint>Y</KeyHint>}
              onClick={() => void carry.accept([here])}
            >
              Accept this
            </Button>
          )}
          {sure.length > 0 && sure.length < fresh.length && (
            <Button
              size="compact-xs"
              variant="default"
              loading={carry.busy}
              onClick={() => void carry.accept(sure)}
            >
              Accept {count(sure.length)} sure
            </Button>
          )}
          {fresh.length > 0 && (
            <Button
              size="compact-xs"
              variant="default"
              loading={carry.busy}
              onClick={() => void carry.accept(fresh)}
            >
              Accept all {count(fresh.length)}
            </Button>
          )}
        </div>
        <div className={styles.carryButtons}>
          {here && (
            <Button
              size="compact-xs"
              variant="subtle"
              color="gray"
              onClick={() => void carry.dismiss([here])}
            >
              Dismiss this
            </Button>
          )}
          <Button
            size="compact-xs"
            variant="subtle"
            color="gray"
            onClick={() => void carry.dismiss(proposals)}
          >
            Dismiss all
          </Button>
        </div>
      </div>
      <div className={styles.carryCards}>
        {proposals.map((proposal) => (
          <Card
            key={proposal.frame.id}
            proposal={proposal}
            colors={colors}
            isHere={proposal === here}
            onOpen={onOpen}
          />
        ))}
      </div>
    </section>
  );
}

const Card = memo(function Card({
  proposal,
  colors,
  isHere,
  onOpen,
}: {
  proposal: Proposal;
  colors: ColorTables;
  isHere: boolean;
  onOpen: (frame: number) => void;
}) {
  const { frame, map, isDoubtful } = proposal;
  const height = Math.round((WIDTH * map.height) / map.width);
  const picture = useQuery({
    queryKey: ["frame-picture", frame.id],
    queryFn: async ({ signal }) => {
      const answer = await send("GET", `/api/frames/${frame.id}/image`, undefined, { signal });
      return createImageBitmap(await answer.blob(), { resizeWidth: WIDTH, resizeHeight: height });
    },
    staleTime: Number.POSITIVE_INFINITY,
    gcTime: 30_000,
  });
  const canvas = useRef<HTMLCanvasElement>(null);
  const card = useRef<HTMLButtonElement>(null);
  useEffect(() => {
    const context = canvas.current?.getContext("2d");
    if (!context) return;
    context.clearRect(0, 0, WIDTH, height);
    if (picture.data) context.drawImage(picture.data, 0, 0);
    const small = shrink(map, WIDTH, height);
    const pixels = new ImageData(WIDTH, height);
    paintOverlay(small, small.box, colors, new Uint32Array(pixels.data.buffer), WIDTH);
    const sheet = new OffscreenCanvas(WIDTH, height);
    sheet.getContext("2d")?.putImageData(pixels, 0, 0);
    context.drawImage(sheet, 0, 0);
  }, [picture.data, map, colors, height]);
  useEffect(() => {
    if (isHere) card.current?.scrollIntoView({ block: "nearest", inline: "center" });
  }, [isHere]);
  const words = isDoubtful ? "doubtful" : "sure";
  return (
    <button
      ref={card}
      type="button"
      className={styles.carryCard}
      data-doubtful={isDoubtful || undefined}
      aria-current={isHere || undefined}
      title={`Frame ${frame.index + 1}: ${words}${proposal.score === null ? "" : `, ${score(proposal.score, 2)}`}`}
      onClick={() => onOpen(frame.id)}
    >
      <canvas ref={canvas} width={WIDTH} height={height} />
      <span>{count(frame.index + 1)}</span>
    </button>
  );
});

/** Nearest pixels: indices are never mixed. */
function shrink(map: Labelmap, width: number, height: number): Labelmap {
  const out = new Labelmap(width, height);
  for (let y = 0, i = 0; y < height; y++) {
    const row = Math.floor(((y + 0.5) * map.height) / height) * map.width;
    for (let x = 0; x < width; x++, i++)
      out.data[i] = map.data[row + Math.floor(((x + 0.5) * map.width) / width)];
  }
  return out;
}
