import { Button, CopyButton, Input, Modal, Select, Stack, TextInput } from "@mantine/core";
import { useMutation, useQueryClient } from "@tanstack/react-query";
import { type FormEvent, useState } from "react";
import { api } from "../../api/client";
import { useTokens } from "../../api/hooks";
import { keys } from "../../api/keys";
import type { NewToken, Token } from "../../api/types";
import { ErrorState, errorText } from "../../ui/ErrorState";
import { RelativeTime } from "../../ui/RelativeTime";
import { TableSkeleton } from "../../ui/Skeletons";
import { type Column, Table } from "../../ui/Table";
import settings from "../Settings/Settings.module.css";

export function Tokens() {
  const tokens = useTokens();
  const client = useQueryClient();
  const [shown, setShown] = useState<NewToken | null>(null);
  const refresh = () => client.invalidateQueries({ queryKey: keys.tokens });
  const revoke = useMutation({
    mutationFn: (token: Token) => api.delete(`/api/tokens/${token.id}`),
    onSettled: refresh,
  });
  if (tokens.isPending) return <TableSkeleton rows={2} />;
  if (tokens.error) return <ErrorState error={tokens.error} retry={() => void tokens.refetch()} />;
  const columns: Column<Token>[] = [
    { name: "Name", width: "minmax(120px, 2fr)", cell: (token) => <div className="cut">{token.name}</div> },
    { name: "May", width: "120px", cell: (token) => (token.scope === "read" ? "Read" : "Read and write") },
    {
      name: "Last used",
      width: "120px",
      cell: (token) => (
        <span className="small quiet">
          {token.last_used_at ? <RelativeTime at={token.last_used_at} /> : "Never"}
        </span>
      ),
    },
    {
      name: "",
      width: "96px",
      numeric: true,
      cell: (token) =>
        token.revoked_at ? (
          <span className="small quiet">Revoked</span>
        ) : (
          <Button size="compact-xs" variant="subtle" color="red" onClick={() => revoke.mutate(token)}>
            Revoke
          </Button>
        ),
    },
  ];
  return (
    <>
      {tokens.data.length > 0 && (
        <Table label="API tokens" columns={columns} rows={tokens.data} rowKey={(token) => token.id} />
      )}
      <CreateToken
        onCreated={(token) => {
          void refresh();
          setShown(token);
        }}
      />
      <Modal opened={shown !== null} onClose={() => setShown(null)} title={`Token “${shown?.name}”`}>
        <Stack gap={16}>
          <p>Copy it now: it is stored as a hash and never shown again.</p>
          <code className={settings.secret}>{shown?.token}</code>
          <CopyButton value={shown?.token ?? ""}>
            {({ copied, copy }) => <Button onClick={copy}>{copied ? "Copied" : "Copy token"}</Button>}
          </CopyButton>
        </Stack>
      </Modal>
    </>
  );
}

function CreateToken({ onCreated }: { onCreated: (token: NewToken) => void }) {
  const [name, setName] = useState("");
  const [scope, setScope] = useState<Token["scope"]>("read");
  const create = useMutation({
    mutationFn: () => api.post<NewToken>("/api/tokens", { name: name.trim(), scope }),
    onSuccess: (token) => {
      setName("");
      onCreated(token);
    },
  });
  return (
    <form
      onSubmit={(event: FormEvent) => {
        event.preventDefault();
        create.mutate();
      }}
    >
      <div className={settings.addLine}>
        <TextInput
          label="Create a token"
          placeholder="Nightly export"
          value={name}
          maxLength={80}
          onChange={(event) => setName(event.currentTarget.value)}
          w={240}
        />
        <Select
          aria-label="What it may do"
          data={[
            { value: "read", label: "Read" },
            { value: "write", label: "Read and write" },
          ]}
          value={scope}
          allowDeselect={false}
          onChange={(value) => value && setScope(value as Token["scope"])}
          w={160}
        />
        <Button type="submit" variant="default" disabled={!name.trim()} loading={create.isPending}>
          Create token
        </Button>
      </div>
      {create.error && <Input.Error mt={8}>{errorText(create.error)}</Input.Error>}
    </form>
  );
}
