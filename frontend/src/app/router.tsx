import { createBrowserRouter, type RouteObject } from "react-router-dom";

import { OverviewPage } from "../features/overview/OverviewPage";
import { Layout } from "./Layout";
import { NotFound } from "./NotFound";
import { PageError } from "./PageError";

/** Only the overview is in the first script; charts and forms come with their pages. */
export const pages: RouteObject[] = [
  { index: true, element: <OverviewPage /> },
  {
    path: "services/:name",
    lazy: async () => ({
      Component: (await import("../features/service/ServicePage")).ServicePage,
    }),
  },
  {
    path: "alerts",
    lazy: async () => ({ Component: (await import("../features/alerts/AlertsPage")).AlertsPage }),
  },
  {
    path: "releases",
    lazy: async () => ({
      Component: (await import("../features/releases/ReleasesPage")).ReleasesPage,
    }),
  },
  {
    path: "settings",
    lazy: async () => ({
      Component: (await import("../features/settings/SettingsPage")).SettingsPage,
    }),
  },
  {
    path: "audit",
    lazy: async () => ({ Component: (await import("../features/audit/AuditPage")).AuditPage }),
  },
  {
    path: "keys",
    lazy: async () => ({ Component: (await import("../features/keys/KeysPage")).KeysPage }),
  },
  { path: "*", element: <NotFound /> },
];

export const router = createBrowserRouter([
  { element: <Layout />, errorElement: <PageError />, children: pages },
]);
