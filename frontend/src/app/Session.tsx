import { Button, Modal } from "@mantine/core";
import { useQueryClient } from "@tanstack/react-query";
import { useEffect, useRef, useState } from "react";
import { Outlet } from "react-router";
import { ApiError, onSignedOut } from "../api/client";
import { listenForChanges } from "../api/events";
import { useMe } from "../api/hooks";
import { SignInForm } from "../screens/SignIn/SignInForm";
import SignInScreen from "../screens/SignIn/SignInScreen";
import { ErrorState } from "../ui/ErrorState";

/**
 * Everything that needs somebody signed in. Who was not, signs in right here and the address stays; who loses the
 * session while working gets the form over the page, which keeps what it shows and holds. That form is for the same
 * person only: what the page holds unsaved must never be saved under another name.
 */
export function Session() {
  const me = useMe();
  const client = useQueryClient();
  const [lost, setLost] = useState(false);
  const signedIn = me.data !== undefined;
  const first = useRef<number | null>(null);
  first.current ??= me.data?.id ?? null;
  // Signed in from another tab, say: the page of the one before goes before anything of it is sent.
  const isSomebodyElse = me.data !== undefined && me.data.id !== first.current;
  useEffect(() => {
    if (isSomebodyElse) window.location.reload();
  }, [isSomebodyElse]);

  useEffect(() => {
    if (!signedIn) return;
    const stopListening = listenForChanges(client);
    const stopWatching = onSignedOut(() => setLost(true));
    return () => {
      stopListening();
      stopWatching();
    };
  }, [signedIn, client]);

  if (!signedIn) {
    if (me.error instanceof ApiError && me.error.status === 401) return <SignInScreen />;
    if (me.error) return <ErrorState error={me.error} retry={() => void me.refetch()} />;
    return null;
  }
  if (isSomebodyElse) return null;
  return (
    <>
      <Outlet />
      <Modal
        opened={lost}
        onClose={() => undefined}
        withCloseButton={false}
        closeOnEscape={false}
        title="Your session ended"
      >
        <SignInForm
          hint="Sign in again to go on. This page and your unsaved work are kept."
          name={me.data.username}
          onDone={() => {
            setLost(false);
            void client.invalidateQueries();
          }}
        />
        <Button variant="subtle" color="gray" fullWidth mt={8} onClick={() => window.location.reload()}>
          Sign in as somebody else
        </Button>
      </Modal>
    </>
  );
}
