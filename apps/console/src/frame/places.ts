/** A place of the console. `key`: the second key of `g …`, which leads there. */
export interface ConsolePlace {
  readonly to: "/runs" | "/approvals" | "/devices" | "/agents" | "/threads" | "/fleet" | "/access";
  readonly title: string;
  readonly icon: IconName;
  readonly key: string;
}

/** The icons of the frame. */
export type IconName = "mark" | "runs" | "approvals" | "devices" | "agents" | "threads" | "health" | "access";

/** The places of the console, in the order of the rail. */
export const PLACES: readonly ConsolePlace[] = [
  { to: "/runs", title: "Runs", icon: "runs", key: "r" },
  { to: "/approvals", title: "Approvals", icon: "approvals", key: "a" },
  { to: "/devices", title: "Devices", icon: "devices", key: "d" },
  { to: "/agents", title: "Agents", icon: "agents", key: "t" },
  { to: "/threads", title: "Threads", icon: "threads", key: "e" },
  { to: "/fleet", title: "Health", icon: "health", key: "h" },
  { to: "/access", title: "Access", icon: "access", key: "k" },
];
