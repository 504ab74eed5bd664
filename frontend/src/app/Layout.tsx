import { Outlet, useParams } from "react-router";
import styles from "./Layout.module.css";
import { Sidebar } from "./Sidebar";
import { TopBar } from "./TopBar";

/** The frame around every screen but the editor: the project's ways on the left, people and work above. */
export function Layout() {
  const { projectId } = useParams();
  const id = projectId ? Number(projectId) : null;
  return (
    <div className={styles.layout} data-project={id !== null || undefined}>
      <TopBar projectId={id} />
      {id !== null && <Sidebar projectId={id} />}
      <main className={styles.main}>
        {/* A new project is a new screen: no state of the last one stays. */}
        <Outlet key={id} />
      </main>
    </div>
  );
}
