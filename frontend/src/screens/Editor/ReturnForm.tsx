import { ActionIcon, Button, Textarea, TextInput } from "@mantine/core";
import { IconX } from "@tabler/icons-react";
import { useState } from "react";
import styles from "./Editor.module.css";
import type { Work } from "./useWork";

/** What is wrong, in words and on the spot. */
export function ReturnForm({ work, onClose }: { work: Work; onClose: () => void }) {
  const [comment, setComment] = useState("");
  const isEmpty = comment.trim() === "" && work.points.every((point) => point.text.trim() === "");
  return (
    <form
      className={styles.float}
      aria-label="Return with a comment"
      onSubmit={(event) => {
        event.preventDefault();
        if (!isEmpty) void work.giveBack(comment.trim());
      }}
      onKeyDown={(event) => event.key === "Escape" && onClose()}
    >
      <Textarea
        label="What is wrong?"
        description="Click on the picture to pin a note to a place."
        value={comment}
        onChange={(event) => setComment(event.currentTarget.value)}
        onKeyDown={(event) => {
          if (event.key === "Enter" && (event.ctrlKey || event.metaKey))
            event.currentTarget.form?.requestSubmit();
        }}
        autosize
        minRows={2}
        maxRows={6}
        autoFocus
      />
      {work.points.map((point, i) => (
        // biome-ignore lint/suspicious/noArrayIndexKey: a pin is its number
        <div key={i} className={styles.pinRow}>
          <b>{i + 1}</b>
          <TextInput
            size="xs"
            aria-label={`Note ${i + 1}`}
            placeholder="What is wrong here?"
            value={point.text}
            onChange={(event) => work.setPoint(i, event.currentTarget.value)}
            autoFocus
          />
          <ActionIcon
            size="sm"
            variant="subtle"
            color="gray"
            aria-label={`Remove note ${i + 1}`}
            onClick={() => work.removePoint(i)}
          >
            <IconX size={14} />
          </ActionIcon>
        </div>
      ))}
      <div className={styles.floatButtons}>
        <Button size="xs" variant="default" onClick={onClose}>
          Cancel
        </Button>
        <Button size="xs" type="submit" disabled={isEmpty} loading={work.busy}>
          Return frame
        </Button>
      </div>
    </form>
  );
}
