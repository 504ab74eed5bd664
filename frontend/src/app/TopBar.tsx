import {
  ActionIcon,
  Button,
  Group,
  Menu,
  Modal,
  Tooltip,
  UnstyledButton,
  useComputedColorScheme,
  useMantineColorScheme,
} from "@mantine/core";
import { notifications } from "@mantine/notifications";
import {
  IconDeviceDesktop,
  IconLogout,
  IconMoon,
  IconSun,
  IconUpload,
  IconUser,
  IconUserCircle,
} from "@tabler/icons-react";
import { useQueryClient } from "@tanstack/react-query";
import { useState } from "react";
import { Link } from "react-router";
import { api } from "../api/client";
import { useMe, useProject } from "../api/hooks";
import { isOver, useUploads } from "../api/uploads";
import { ProgressLine } from "../ui/Bars";
import { errorText } from "../ui/ErrorState";
import { plural } from "../ui/format";
import { Mark } from "../ui/Mark";
import styles from "./Layout.module.css";
import { UnsavedWork } from "./UnsavedWork";

export function TopBar({ projectId }: { projectId: number | null }) {
  const me = useMe();
  return (
    <header className={styles.top}>
      <Link to="/projects" className={styles.brand}>
        <Mark />
        Sonoloop
      </Link>
      {projectId !== null && <ProjectCrumb projectId={projectId} />}
      <div className={styles.topEnd}>
        {me.data && <UnsavedWork me={me.data} />}
        <UploadsPill />
        <SchemeToggle />
        <Who />
      </div>
    </header>
  );
}

function ProjectCrumb({ projectId }: { projectId: number }) {
  const project = useProject(projectId);
  return (
    <>
      <span className={styles.slash}>/</span>
      <Link to={`/p/${projectId}`} className={`${styles.project} cut`} title={project.data?.name}>
        {project.data?.name ?? ""}
      </Link>
    </>
  );
}

/** Uploads under way, wherever one is; a click leads to their bars. */
function UploadsPill() {
  const going = useUploads().filter((upload) => !isOver(upload));
  const first = going[0];
  if (!first) return null;
  const size = going.reduce((sum, upload) => sum + upload.size, 0);
  const sent = going.reduce((sum, upload) => sum + upload.sent, 0);
  return (
    <Link to={`/p/${first.request.project}/clips`} className={styles.pill}>
      <IconUpload size={15} />
      <span>{plural(going.length, "clip")}</span>
      <ProgressLine value={size > 0 ? sent / size : 0} />
    </Link>
  );
}

function SchemeToggle() {
  const { setColorScheme } = useMantineColorScheme();
  const shown = useComputedColorScheme("dark");
  const other = shown === "dark" ? "light" : "dark";
  return (
    <Tooltip label={`Switch to ${other}`}>
      <ActionIcon
        variant="subtle"
        color="gray"
        aria-label={`Switch to ${other}`}
        onClick={() => setColorScheme(other)}
      >
        {shown === "dark" ? <IconSun size={17} /> : <IconMoon size={17} />}
      </ActionIcon>
    </Tooltip>
  );
}

function Who() {
  const me = useMe();
  const client = useQueryClient();
  const { setColorScheme } = useMantineColorScheme();
  const [unsaved, setUnsaved] = useState(0);

  /** Work kept on this device goes with the session: whoever sits here next must not find it. */
  async function signOut(evenUnsaved: boolean) {
    if (!me.data) return;
    const { Journal } = await import("../editor");
    // Where the device keeps nothing there is nothing to lose or to wipe, and signing out must work all the same.
    const journal = await Journal.open(String(me.data.id)).catch(() => null);
    const waiting = journal ? (await journal.pendingFrames()).length : 0;
    if (waiting > 0 && !evenUnsaved) {
      setUnsaved(waiting);
      return;
    }
    try {
      await api.post("/api/auth/logout");
    } catch (error) {
      setUnsaved(0);
      notifications.show({ color: "red", title: "You are still signed in", message: errorText(error) });
      return;
    }
    await journal?.wipe();
    client.clear();
    window.location.assign("/sign-in");
  }
  return (
    <>
      <Modal opened={unsaved > 0} onClose={() => setUnsaved(0)} title="Not everything is saved">
        <p>
          Corrections on {plural(unsaved, "frame")} are kept on this device only. Stay signed in to open them
          from “Unsaved work” in the bar above and save them; signing out throws them away.
        </p>
        <Group justify="flex-end" mt={24}>
          <Button variant="subtle" color="red" onClick={() => void signOut(true)}>
            Throw away and sign out
          </Button>
          <Button onClick={() => setUnsaved(0)} data-autofocus>
            Stay signed in
          </Button>
        </Group>
      </Modal>
      <Menu position="bottom-end" width={200}>
        <Menu.Target>
          <UnstyledButton
            className={styles.pill}
            style={{ width: "auto" }}
            aria-label={`${me.data?.username ?? ""}, your account`}
          >
            <IconUserCircle size={18} />
            <span className="cut" style={{ maxWidth: 160 }}>
              {me.data?.username}
            </span>
          </UnstyledButton>
        </Menu.Target>
        <Menu.Dropdown>
          <Menu.Item component={Link} to="/account" leftSection={<IconUser size={16} />}>
            Open my account
          </Menu.Item>
          <Menu.Item leftSection={<IconDeviceDesktop size={16} />} onClick={() => setColorScheme("auto")}>
            Follow the system’s look
          </Menu.Item>
          <Menu.Divider />
          <Menu.Item leftSection={<IconLogout size={16} />} onClick={() => void signOut(false)}>
            Sign out
          </Menu.Item>
        </Menu.Dropdown>
      </Menu>
    </>
  );
}
