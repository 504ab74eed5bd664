import { Button } from "@mantine/core";
import { ApiError } from "../api/client";
import { EmptyState } from "./EmptyState";

/** One sentence about any error, fit for a person. */
export function errorText(error: unknown): string {
  return error instanceof Error ? error.message : "Something went wrong that the program did not expect.";
}

function titleOf(error: unknown): string {
  if (error instanceof ApiError) {
    if (error.status === 0) return "Offline";
    if (error.status === 403) return "Not allowed";
    if (error.status === 404) return "Not here";
  }
  return "That did not work";
}

/** Where content would be, had it come. */
export function ErrorState({ error, retry }: { error: unknown; retry?: () => void }) {
  return (
    <EmptyState
      title={titleOf(error)}
      text={errorText(error)}
      action={
        retry ? (
          <Button variant="default" onClick={retry}>
            Try again
          </Button>
        ) : undefined
      }
    />
  );
}
