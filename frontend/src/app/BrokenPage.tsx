import { Button } from "@mantine/core";
import { Link, useRouteError } from "react-router";
import { EmptyState } from "../ui/EmptyState";

/** What a person sees when a screen itself failed, instead of a white page. */
export function BrokenPage() {
  const problem = useRouteError();
  const text = problem instanceof Error ? problem.message : String(problem);
  return (
    <EmptyState
      title="This screen could not be drawn"
      text={`What you saved is safe. Load the page again; if it stays, tell whoever runs Sonoloop: “${text}”.`}
      action={<Button onClick={() => window.location.reload()}>Load again</Button>}
    />
  );
}

export function NoSuchPage() {
  return (
    <EmptyState
      title="There is no page here"
      text="The address may be old, or mistyped."
      action={
        <Button component={Link} to="/projects">
          Open projects
        </Button>
      }
    />
  );
}
