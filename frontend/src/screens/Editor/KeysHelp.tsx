import { notifications } from "@mantine/notifications";
import { type ComponentProps, useEffect, useState } from "react";

type Dialog = typeof import("./KeysDialog").KeysDialog;

const load = () => import("./KeysDialog");
/** Fetched so long after the screen, in milliseconds, that it is in nobody's way, and there when the line is not. */
const AHEAD = 3000;

/** The dialog on `?`, of the editor and of the wall. */
export function KeysHelp({ opened, ...props }: ComponentProps<Dialog> & { opened: boolean }) {
  const [Loaded, setLoaded] = useState<Dialog | null>(null);
  const { onClose } = props;
  useEffect(() => {
    const ahead = setTimeout(() => void load().catch(() => undefined), AHEAD);
    return () => clearTimeout(ahead);
  }, []);
  // biome-ignore lint/correctness/useExhaustiveDependencies: a new onClose is no reason to load again
  useEffect(() => {
    if (!opened || Loaded) return;
    load().then(
      ({ KeysDialog }) => setLoaded(() => KeysDialog),
      () => {
        onClose();
        notifications.show({ message: "The keys could not be loaded. Try again when you are online." });
      },
    );
  }, [opened, Loaded]);
  return opened && Loaded && <Loaded {...props} />;
}
