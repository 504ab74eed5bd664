import { Button, Input, PasswordInput, Stack } from "@mantine/core";
import { notifications } from "@mantine/notifications";
import { useMutation } from "@tanstack/react-query";
import { type FormEvent, useState } from "react";
import { api } from "../../api/client";
import { useMe } from "../../api/hooks";
import { errorText } from "../../ui/ErrorState";
import { Page, Section } from "../../ui/Page";
import { Tokens } from "./Tokens";

export default function AccountScreen() {
  const me = useMe();
  return (
    <Page title="My account" note={me.data?.username}>
      <Section title="Password">
        <ChangePassword />
      </Section>
      <Section
        title="API tokens"
        note="For programs that work in your name. See /api/schema/ for what they can do."
      >
        <Tokens />
      </Section>
    </Page>
  );
}

function ChangePassword() {
  const [current, setCurrent] = useState("");
  const [fresh, setFresh] = useState("");
  const change = useMutation({
    mutationFn: () => api.post("/api/me/password", { current, new: fresh }),
    onSuccess: () => {
      setCurrent("");
      setFresh("");
      notifications.show({ message: "Your password is changed." });
    },
  });
  return (
    <form
      onSubmit={(event: FormEvent) => {
        event.preventDefault();
        change.mutate();
      }}
    >
      <Stack gap={16} maw={320}>
        <PasswordInput
          label="Current password"
          autoComplete="current-password"
          value={current}
          onChange={(event) => setCurrent(event.currentTarget.value)}
        />
        <PasswordInput
          label="New password"
          autoComplete="new-password"
          value={fresh}
          onChange={(event) => setFresh(event.currentTarget.value)}
        />
        {change.error && <Input.Error>{errorText(change.error)}</Input.Error>}
        <Button
          type="submit"
          variant="default"
          loading={change.isPending}
          disabled={!current || !fresh}
          style={{ alignSelf: "start" }}
        >
          Change password
        </Button>
      </Stack>
    </form>
  );
}
