import { Link, Outlet, useNavigate } from "@tanstack/react-router";
import { useEffect, useState } from "react";
import { useAwaitingCalls } from "../approvals/use-awaiting-calls.ts";
import { usePreferences } from "../preferences.tsx";
import { useSignedIn } from "../session/session-gate.tsx";
import { KeyboardHelp } from "./keyboard-help.tsx";
import { listenToKeys, useKeys } from "./keys.ts";
import { NavIcon } from "./nav-icon.tsx";
import { PLACES } from "./places.ts";
import styles from "./app-frame.module.css";

/** What stands around every page: the places to go to, who is signed in, and how things are shown. */
export function AppFrame() {
  const navigate = useNavigate();
  const [isHelpOpen, setHelpOpen] = useState(false);
  useEffect(listenToKeys, []);
  useKeys("Everywhere", [
    ...PLACES.map(({ to, title, key }) => ({
      keys: `g ${key}`,
      does: `go to ${title}`,
      run: () => void navigate({ to }),
    })),
    { keys: "g o", does: "open a run from a file", run: () => void navigate({ to: "/open" }) },
    { keys: "?", does: "show the keys of this page", run: () => setHelpOpen(true) },
  ]);
  return (
    <div className={styles.frame}>
      <a className={styles.skip} href="#page">
        Skip to the page
      </a>
      <nav className={styles.rail} aria-label="Console">
        <Link to="/runs" search={{}} className={styles.brand} aria-label="hsafa, all runs">
          <NavIcon name="mark" />
          <span>hsafa</span>
        </Link>
        <ul>
          {PLACES.map(({ to, title, icon }) => (
            <li key={to}>
              <Link to={to} className={styles.place} activeProps={{ "aria-current": "page" }}>
                <NavIcon name={icon} />
                <span>{title}</span>
                {to === "/approvals" && <AwaitingCount />}
              </Link>
            </li>
          ))}
        </ul>
        <Account onHelp={() => setHelpOpen(true)} />
      </nav>
      <main id="page" className={styles.page} tabIndex={-1}>
        <Outlet />
      </main>
      {isHelpOpen && <KeyboardHelp onClose={() => setHelpOpen(false)} />}
    </div>
  );
}

/** How many questions wait, beside the way to them. */
function AwaitingCount() {
  const { calls, hasMore } = useAwaitingCalls();
  if (calls.length === 0) return null;
  return (
    <span className={styles.count}>
      {calls.length}
      {hasMore ? "+" : ""}
      <span className="unseen"> await a decision</span>
    </span>
  );
}

function Account({ onHelp }: { readonly onHelp: () => void }) {
  const { session, signOut } = useSignedIn();
  const { zone, theme, set } = usePreferences();
  const isDark = theme === "dark" || (theme === "system" && matchMedia("(prefers-color-scheme: dark)").matches);
  return (
    <div className={styles.account}>
      <Link to="/open" search={{}} className={styles.file}>
        open a file
      </Link>
      <p title={`scopes: ${session.scopes.join(", ")}`}>
        <span className="unseen">signed in as </span>
        {session.name}
      </p>
      <div className={styles.switches}>
        <button
          type="button"
          title="Times in UTC, or in your own time"
          onClick={() => set({ zone: zone === "utc" ? "local" : "utc" })}
        >
          {zone === "utc" ? "UTC" : "local"}
        </button>
        <button type="button" title="Light or dark" onClick={() => set({ theme: isDark ? "light" : "dark" })}>
          {isDark ? "dark" : "light"}
        </button>
        <button type="button" className={styles.keys} aria-label="Keyboard help" title="Keyboard help" onClick={onHelp}>
          ?
        </button>
        <button type="button" onClick={signOut}>
          sign out
        </button>
      </div>
    </div>
  );
}
