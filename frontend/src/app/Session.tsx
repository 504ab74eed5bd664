import { Modal } from "@mantine/core";
import { useQueryClient } from "@tanstack/react-query";
import { useEffect, useState } from "react";
import { Outlet } from "react-router";
import { ApiError, onSignedOut } from "../api/client";
import { listenForChanges } from "../api/events";
import { useMe } from "../api/hooks";
import { SignInForm } from "../screens/SignIn/SignInForm";
import SignInScreen from "../screens/SignIn/SignInScreen";
import { ErrorState } from "../ui/ErrorState";

/**
 * Everything that needs somebody signed in. Who was not, signs in right here and the address stays; who loses the
 * session while working gets the form over the page, which keeps what it shows and holds.
 */
export function Session() {
  const me = useMe();
  const client = useQueryClient();
  const [lost, setLost] = useState(false);
  const signedIn = me.data !== undefined;

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
      </Modal>
    </>
  );
}
