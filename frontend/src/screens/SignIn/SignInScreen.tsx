import { useEffect } from "react";
import { useLocation, useNavigate } from "react-router";
import { Mark } from "../../ui/Mark";
import { Fan } from "./Fan";
import styles from "./SignIn.module.css";
import { SignInForm } from "./SignInForm";

/** The first screen. Shown in place of any page that needs somebody: the address is kept. */
export default function SignInScreen() {
  const navigate = useNavigate();
  const { pathname } = useLocation();
  useEffect(() => {
    document.title = "Sign in – Sonoloop";
  }, []);
  return (
    <div className={styles.screen}>
      <section className={styles.form}>
        <div className={styles.brand}>
          <Mark size={28} />
          <h1>Sonoloop</h1>
        </div>
        <SignInForm
          onDone={() => {
            if (pathname === "/sign-in") void navigate("/projects", { replace: true });
          }}
        />
      </section>
      <aside className={styles.picture}>
        <Fan />
      </aside>
    </div>
  );
}
