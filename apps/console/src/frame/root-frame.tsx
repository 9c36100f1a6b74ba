import { Outlet, useLocation } from "@tanstack/react-router";
import { SessionGate } from "../session/session-gate.tsx";
import { AppFrame } from "./app-frame.tsx";

/** A file is opened by anybody, also where no gateway answers. Every other page is for who is signed in. */
export function RootFrame() {
  const isFile = useLocation({ select: ({ pathname }) => pathname === "/open" });
  if (isFile) return <Outlet />;
  return (
    <SessionGate>
      <AppFrame />
    </SessionGate>
  );
}
