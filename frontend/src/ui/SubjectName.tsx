import { Tooltip } from "@mantine/core";
import { IconLock } from "@tabler/icons-react";

/** A pseudonym, cut where it is long, with a mark for subjects that are test for ever. */
export function SubjectName({ pseudonym, isTest = false }: { pseudonym: string; isTest?: boolean }) {
  return (
    <span style={{ display: "inline-flex", alignItems: "center", gap: 6, minWidth: 0, maxWidth: "100%" }}>
      <span className="cut" title={pseudonym}>
        {pseudonym}
      </span>
      {isTest && (
        <Tooltip label="Test subject: never trained on">
          <IconLock size={13} aria-label="Test subject" style={{ flexShrink: 0, color: "var(--text-3)" }} />
        </Tooltip>
      )}
    </span>
  );
}
