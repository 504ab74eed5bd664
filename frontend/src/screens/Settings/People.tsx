import {
  ActionIcon,
  Button,
  CopyButton,
  Input,
  Modal,
  Popover,
  Select,
  Stack,
  TextInput,
} from "@mantine/core";
import { notifications } from "@mantine/notifications";
import { IconUserPlus, IconX } from "@tabler/icons-react";
import { useMutation, useQueryClient } from "@tanstack/react-query";
import { type FormEvent, useState } from "react";
import { api } from "../../api/client";
import { useMe, useMembers } from "../../api/hooks";
import { keys } from "../../api/keys";
import type { Member, NewMember, Role } from "../../api/types";
import { ErrorState, errorText } from "../../ui/ErrorState";
import { RelativeTime } from "../../ui/RelativeTime";
import { TableSkeleton } from "../../ui/Skeletons";
import { type Column, Table } from "../../ui/Table";
import styles from "./Settings.module.css";

const ROLES: { value: Role; label: string }[] = [
  { value: "viewer", label: "Viewer: looks" },
  { value: "uploader", label: "Uploader: adds clips" },
  { value: "annotator", label: "Annotator: corrects" },
  { value: "reviewer", label: "Reviewer: accepts, returns" },
  { value: "manager", label: "Manager: everything" },
];

export function People({ projectId, mayManage }: { projectId: number; mayManage: boolean }) {
  const members = useMembers(projectId);
  const me = useMe();
  const client = useQueryClient();
  const [newcomer, setNewcomer] = useState<NewMember | null>(null);
  const address = `/api/projects/${projectId}/members`;
  const refresh = () => client.invalidateQueries({ queryKey: keys.members(projectId) });
  const change = useMutation({
    mutationFn: (send: () => Promise<unknown>) => send(),
    onError: (error) => notifications.show({ color: "red", title: "Not changed", message: errorText(error) }),
    onSettled: refresh,
  });
  if (members.isPending) return <TableSkeleton rows={3} />;
  if (members.error) return <ErrorState error={members.error} retry={() => void members.refetch()} />;

  const columns: Column<Member>[] = [
    {
      name: "Name",
      width: "minmax(120px, 2fr)",
      cell: (member) => (
        <div className="cut" title={member.username}>
          {member.username}
          {member.user_id === me.data?.id && <span className="quiet"> (you)</span>}
        </div>
      ),
    },
    {
      name: "Role",
      width: "240px",
      cell: (member) => (
        <Select
          size="xs"
          aria-label={`Role of ${member.username}`}
          data={ROLES}
          value={member.role}
          allowDeselect={false}
          disabled={!mayManage}
          onChange={(role) =>
            role && change.mutate(() => api.patch(`${address}/${member.user_id}`, { role }))
          }
        />
      ),
    },
    {
      name: "Since",
      width: "112px",
      cell: (member) => (
        <span className="small quiet">
          <RelativeTime at={member.created_at} />
        </span>
      ),
    },
    {
      name: "",
      width: "32px",
      cell: (member) =>
        mayManage && (
          <Popover position="bottom-end" trapFocus>
            <Popover.Target>
              <ActionIcon
                variant="subtle"
                color="gray"
                title="Take out of this project"
                aria-label={`Take ${member.username} out of this project`}
              >
                <IconX size={16} />
              </ActionIcon>
            </Popover.Target>
            <Popover.Dropdown maw={280}>
              <p className="small">
                {member.username} will no longer see this project. What they drew and decided stays.
              </p>
              <Button
                color="red"
                size="xs"
                mt={12}
                onClick={() => change.mutate(() => api.delete(`${address}/${member.user_id}`))}
              >
                Take out
              </Button>
            </Popover.Dropdown>
          </Popover>
        ),
    },
  ];
  return (
    <>
      <Table
        label="People"
        columns={columns}
        rows={members.data}
        rowKey={(member) => member.user_id}
        rowHeight={48}
      />
      {mayManage && (
        <AddPerson
          address={address}
          onAdded={(member) => {
            void refresh();
            if (member.password) setNewcomer(member);
          }}
        />
      )}
      <Modal
        opened={newcomer !== null}
        onClose={() => setNewcomer(null)}
        title={`${newcomer?.username} has an account`}
      >
        <Stack gap={16}>
          <p>Give them this password. It is shown only now; they can change it under “My account”.</p>
          <code className={styles.secret}>{newcomer?.password}</code>
          <CopyButton value={newcomer?.password ?? ""}>
            {({ copied, copy }) => <Button onClick={copy}>{copied ? "Copied" : "Copy password"}</Button>}
          </CopyButton>
        </Stack>
      </Modal>
    </>
  );
}

function AddPerson({ address, onAdded }: { address: string; onAdded: (member: NewMember) => void }) {
  const [username, setUsername] = useState("");
  const [role, setRole] = useState<Role>("annotator");
  const add = useMutation({
    mutationFn: () => api.post<NewMember>(address, { username: username.trim(), role }),
    onSuccess: (member) => {
      setUsername("");
      onAdded(member);
    },
  });
  return (
    <form
      onSubmit={(event: FormEvent) => {
        event.preventDefault();
        add.mutate();
      }}
    >
      <div className={styles.addLine}>
        <TextInput
          label="Add a person"
          description="Who has no account yet gets one."
          value={username}
          onChange={(event) => setUsername(event.currentTarget.value)}
          w={240}
        />
        <Select
          aria-label="Role"
          data={ROLES}
          value={role}
          allowDeselect={false}
          onChange={(value) => value && setRole(value as Role)}
          w={240}
        />
        <Button
          type="submit"
          leftSection={<IconUserPlus size={16} />}
          disabled={!username.trim()}
          loading={add.isPending}
        >
          Add person
        </Button>
      </div>
      {add.error && <Input.Error mt={8}>{errorText(add.error)}</Input.Error>}
    </form>
  );
}
