import { Menu, UnstyledButton } from "@mantine/core";
import { IconDeviceFloppy } from "@tabler/icons-react";
import { useQuery, useQueryClient } from "@tanstack/react-query";
import { Link } from "react-router";
import { ApiError, api } from "../api/client";
import { keys } from "../api/keys";
import type { FrameDetail, Me } from "../api/types";
import { count, plural } from "../ui/format";
import styles from "./Layout.module.css";

/** An editor just left is still sending its last strokes: they are no news. */
const SETTLES_MS = 1_500;
const LOOK_AGAIN_MS = 15_000;

interface Waiting {
  id: string;
  /** Null where the frame is gone, or no longer this person's to see. */
  frame: FrameDetail | null;
}

/** What lies unsaved on this device, frame by frame. */
async function findWaiting(me: Me): Promise<Waiting[]> {
  await new Promise((resolve) => setTimeout(resolve, SETTLES_MS));
  const { Journal } = await import("../editor");
  const journal = await Journal.open(String(me.id));
  try {
    const ids = await journal.pendingFrames();
    return await Promise.all(
      ids.map(async (id) => {
        try {
          return { id, frame: await api.get<FrameDetail>(`/api/frames/${id}`) };
        } catch (error) {
          if (error instanceof ApiError && error.status === 404) return { id, frame: null };
          throw error;
        }
      }),
    );
  } finally {
    journal.close();
  }
}

/** Says where drawn work is on this device only, with a way to each frame; the editor offers it back there. */
export function UnsavedWork({ me }: { me: Me }) {
  const client = useQueryClient();
  const queryKey = [...keys.me, "unsaved", me.id];
  const waiting = useQuery({
    queryKey,
    queryFn: () => findWaiting(me),
    refetchInterval: LOOK_AGAIN_MS,
    refetchOnMount: "always",
    gcTime: 0,
  }).data;
  if (!waiting || waiting.length === 0) return null;

  async function drop(frameId: string) {
    const { Journal } = await import("../editor");
    const journal = await Journal.open(String(me.id));
    for (const { writer } of await journal.pending(frameId)) await journal.remove(frameId, writer);
    journal.close();
    await client.invalidateQueries({ queryKey });
  }
  return (
    <Menu position="bottom-end" width={320}>
      <Menu.Target>
        <UnstyledButton className={styles.pill} style={{ width: "auto" }} data-testid="unsaved-work">
          <IconDeviceFloppy size={15} color="var(--warning)" />
          <span>Unsaved work on {plural(waiting.length, "frame")}</span>
        </UnstyledButton>
      </Menu.Target>
      <Menu.Dropdown>
        <Menu.Label>Kept on this device only. Open the frame to put it back.</Menu.Label>
        {waiting.map(({ id, frame }) =>
          frame ? (
            <Menu.Item key={id} component={Link} to={`/p/${frame.clip.project}/frames/${id}`}>
              {frame.clip.subject.pseudonym}, clip {frame.clip.number}, frame {count(frame.index + 1)}
            </Menu.Item>
          ) : (
            <Menu.Item key={id} color="red" onClick={() => void drop(id)}>
              A frame that is gone, or no longer yours to see: drop the work
            </Menu.Item>
          ),
        )}
      </Menu.Dropdown>
    </Menu>
  );
}
