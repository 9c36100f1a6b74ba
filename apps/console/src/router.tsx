import { createRootRoute, createRoute, createRouter, lazyRouteComponent, redirect } from "@tanstack/react-router";
import { accessSearchIn } from "./access/access-search.ts";
import { EmptyNote } from "./elements/empty-note.tsx";
import { FailureNote } from "./elements/failure-note.tsx";
import { PageHeader } from "./frame/page-header.tsx";
import { RootFrame } from "./frame/root-frame.tsx";
import { loadRunPage } from "./run/load-run-page.ts";
import { runSearchIn } from "./run/run-search.ts";
import { filtersIn } from "./runs/run-filters.ts";
import { RunsPage } from "./runs/runs-page.tsx";

const root = createRootRoute({
  component: RootFrame,
  notFoundComponent: () => (
    <>
      <PageHeader title="There is no such page" />
      <EmptyNote title="The address leads nowhere in the console" />
    </>
  ),
  errorComponent: ({ error }) => <FailureNote title="This page has failed" error={asError(error)} />,
});

const home = createRoute({
  getParentRoute: () => root,
  path: "/",
  beforeLoad: () => redirect({ to: "/runs", search: {}, throw: true }),
});

const runs = createRoute({ getParentRoute: () => root, path: "/runs", validateSearch: filtersIn, component: RunsPage });

const run = createRoute({
  getParentRoute: () => root,
  path: "/runs/$runId",
  validateSearch: runSearchIn,
  component: lazyRouteComponent(loadRunPage, "RunPage"),
});

function asError(thrown: unknown): Error {
  return thrown instanceof Error ? thrown : new Error(String(thrown));
}

const approvals = createRoute({
  getParentRoute: () => root,
  path: "/approvals",
  validateSearch: ({ call }: Record<string, unknown>): { readonly call?: string } =>
    typeof call === "string" ? { call } : {},
  component: lazyRouteComponent(() => import("./approvals/approvals-page.tsx"), "ApprovalsPage"),
});

const devices = createRoute({
  getParentRoute: () => root,
  path: "/devices",
  validateSearch: ({ device }: Record<string, unknown>): { readonly device?: string } =>
    typeof device === "string" ? { device } : {},
  component: lazyRouteComponent(() => import("./devices/devices-page.tsx"), "DevicesPage"),
});

const agents = createRoute({
  getParentRoute: () => root,
  path: "/agents",
  component: lazyRouteComponent(() => import("./agents/agents-page.tsx"), "AgentsPage"),
});

const agent = createRoute({
  getParentRoute: () => root,
  path: "/agents/$agent",
  validateSearch: (search: Record<string, unknown>) => textsIn(search, ["version", "against"]),
  component: lazyRouteComponent(() => import("./agents/agent-page.tsx"), "AgentPage"),
});

const playground = createRoute({
  getParentRoute: () => root,
  path: "/agents/$agent/play",
  validateSearch: (search: Record<string, unknown>) => textsIn(search, ["version", "device", "thread"]),
  component: lazyRouteComponent(() => import("./playground/playground-page.tsx"), "PlaygroundPage"),
});

const threads = createRoute({
  getParentRoute: () => root,
  path: "/threads",
  component: lazyRouteComponent(() => import("./threads/threads-page.tsx"), "ThreadsPage"),
});

const thread = createRoute({
  getParentRoute: () => root,
  path: "/threads/$thread",
  component: lazyRouteComponent(() => import("./threads/thread-page.tsx"), "ThreadPage"),
});

const compare = createRoute({
  getParentRoute: () => root,
  path: "/compare",
  validateSearch: (search: Record<string, unknown>) => textsIn(search, ["a", "b", "show"]),
  component: lazyRouteComponent(() => import("./compare/compare-page.tsx"), "ComparePage"),
});

const open = createRoute({
  getParentRoute: () => root,
  path: "/open",
  validateSearch: runSearchIn,
  component: lazyRouteComponent(() => import("./open/open-page.tsx"), "OpenPage"),
});

/** Takes texts of an address by their names. What is none is left out. */
function textsIn<Name extends string>(
  search: Readonly<Record<string, unknown>>,
  names: readonly Name[],
): { readonly [Key in Name]?: string } {
  const texts: { [Key in Name]?: string } = {};
  for (const name of names) {
    const value = search[name];
    if (typeof value === "string" && value !== "") texts[name] = value;
  }
  return texts;
}

const health = createRoute({
  getParentRoute: () => root,
  path: "/fleet",
  component: lazyRouteComponent(() => import("./health/health-page.tsx"), "HealthPage"),
});

const access = createRoute({
  getParentRoute: () => root,
  path: "/access",
  validateSearch: accessSearchIn,
  component: lazyRouteComponent(() => import("./access/access-page.tsx"), "AccessPage"),
});

/** The pages of the console by their addresses. */
export const router = createRouter({
  routeTree: root.addChildren([
    home,
    runs,
    run,
    approvals,
    devices,
    agents,
    agent,
    playground,
    threads,
    thread,
    compare,
    open,
    health,
    access,
  ]),
  scrollRestoration: false,
});

declare module "@tanstack/react-router" {
  interface Register {
    router: typeof router;
  }
}
