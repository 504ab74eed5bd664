import type { ComponentType } from "react";
import { createBrowserRouter, Navigate } from "react-router";
import { BrokenPage, NoSuchPage } from "./BrokenPage";
import { Layout } from "./Layout";
import { Session } from "./Session";

/** A screen is fetched when its address is first opened. */
function screen(load: () => Promise<{ default: ComponentType }>) {
  return async () => ({ Component: (await load()).default });
}

export const router = createBrowserRouter([
  {
    errorElement: <BrokenPage />,
    hydrateFallbackElement: <div />,
    children: [
      { path: "/sign-in", lazy: screen(() => import("../screens/SignIn/SignInScreen")) },
      {
        element: <Session />,
        children: [
          { index: true, element: <Navigate to="/projects" replace /> },
          // The editor has the whole window.
          {
            path: "/p/:projectId/frames/:frameId",
            lazy: screen(() => import("../screens/Editor/EditorScreen")),
          },
          {
            element: <Layout />,
            children: [
              {
                errorElement: <BrokenPage />,
                children: [
                  { path: "/projects", lazy: screen(() => import("../screens/Projects/ProjectsScreen")) },
                  { path: "/account", lazy: screen(() => import("../screens/Account/AccountScreen")) },
                  {
                    path: "/p/:projectId",
                    lazy: screen(() => import("../screens/ProjectOverview/ProjectOverviewScreen")),
                  },
                  { path: "/p/:projectId/clips", lazy: screen(() => import("../screens/Clips/ClipsScreen")) },
                  {
                    path: "/p/:projectId/clips/:clipId",
                    lazy: screen(() => import("../screens/Clip/ClipScreen")),
                  },
                  {
                    path: "/p/:projectId/review",
                    lazy: screen(() => import("../screens/Review/ReviewScreen")),
                  },
                  {
                    path: "/p/:projectId/datasets",
                    lazy: screen(() => import("../screens/Datasets/DatasetsScreen")),
                  },
                  {
                    path: "/p/:projectId/training",
                    lazy: screen(() => import("../screens/Training/TrainingScreen")),
                  },
                  {
                    path: "/p/:projectId/training/:runId",
                    lazy: screen(() => import("../screens/Training/TrainingScreen")),
                  },
                  {
                    path: "/p/:projectId/models",
                    lazy: screen(() => import("../screens/Models/ModelsScreen")),
                  },
                  { path: "/p/:projectId/jobs", lazy: screen(() => import("../screens/Jobs/JobsScreen")) },
                  {
                    path: "/p/:projectId/settings",
                    lazy: screen(() => import("../screens/Settings/SettingsScreen")),
                  },
                  { path: "*", element: <NoSuchPage /> },
                ],
              },
            ],
          },
        ],
      },
    ],
  },
]);
