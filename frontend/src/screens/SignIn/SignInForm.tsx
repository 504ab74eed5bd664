import { Button, PasswordInput, Stack, Text, TextInput } from "@mantine/core";
import { useQueryClient } from "@tanstack/react-query";
import { type FormEvent, useState } from "react";
import { ApiError, api } from "../../api/client";
import { keys } from "../../api/keys";
import type { Me } from "../../api/types";
import { errorText } from "../../ui/ErrorState";

/** Name and password. `onDone` is called once the session stands. With `name` only that person may sign in. */
export function SignInForm({
  hint,
  name = "",
  onDone,
}: {
  hint?: string;
  /** Fixed: the page behind the form holds this person's work. */
  name?: string;
  onDone: (me: Me) => void;
}) {
  const client = useQueryClient();
  const [username, setUsername] = useState(name);
  const [password, setPassword] = useState("");
  const [busy, setBusy] = useState(false);
  const [problem, setProblem] = useState<string | null>(null);

  async function signIn(event: FormEvent) {
    event.preventDefault();
    setBusy(true);
    setProblem(null);
    try {
      const me = await api.post<Me>("/api/auth/login", { username, password });
      client.setQueryData(keys.me, me);
      onDone(me);
    } catch (error) {
      setProblem(
        error instanceof ApiError && error.code === "refused"
          ? "This name and password do not belong together."
          : errorText(error),
      );
      setPassword("");
    } finally {
      setBusy(false);
    }
  }

  return (
    <form onSubmit={(event) => void signIn(event)}>
      <Stack gap={16}>
        {hint && <Text c="dimmed">{hint}</Text>}
        <TextInput
          label="Name"
          value={username}
          onChange={(event) => setUsername(event.currentTarget.value)}
          autoComplete="username"
          autoFocus={!name}
          readOnly={Boolean(name)}
          required
          withAsterisk={false}
        />
        <PasswordInput
          label="Password"
          value={password}
          onChange={(event) => setPassword(event.currentTarget.value)}
          autoComplete="current-password"
          autoFocus={Boolean(name)}
          // A dialog looks for this one.
          data-autofocus={name ? true : undefined}
          required
          withAsterisk={false}
          error={problem}
        />
        <Button type="submit" loading={busy} fullWidth mt={8}>
          Sign in
        </Button>
      </Stack>
    </form>
  );
}
