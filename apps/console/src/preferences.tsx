import { createContext, type ReactNode, useContext, useEffect, useMemo, useState } from "react";
import type { Zone } from "./words/clock-time.ts";

/** How a person wants things shown, in this browser. */
export interface Preferences {
  readonly zone: Zone;
  readonly theme: Theme;
  readonly set: (change: Partial<Pick<Preferences, "zone" | "theme">>) => void;
}

/** `system`: as the system has it. */
export type Theme = "system" | "light" | "dark";

const KEY = "hsafa.console";
const PreferencesContext = createContext<Preferences | null>(null);

/** Gives the preferences to what is within. */
export function PreferencesProvider({ children }: { readonly children: ReactNode }) {
  const [chosen, setChosen] = useState(readChosen);
  useEffect(() => {
    if (chosen.theme === "system") delete document.documentElement.dataset["theme"];
    else document.documentElement.dataset["theme"] = chosen.theme;
    localStorage.setItem(KEY, JSON.stringify(chosen));
  }, [chosen]);
  const preferences = useMemo<Preferences>(
    () => ({ ...chosen, set: (change) => setChosen((before) => ({ ...before, ...change })) }),
    [chosen],
  );
  return <PreferencesContext value={preferences}>{children}</PreferencesContext>;
}

/** The preferences of this browser. */
export function usePreferences(): Preferences {
  const preferences = useContext(PreferencesContext);
  if (preferences === null) throw new Error("there is no PreferencesProvider above");
  return preferences;
}

function readChosen(): Pick<Preferences, "zone" | "theme"> {
  const chosen = { zone: "local", theme: "system" } as const;
  try {
    const kept = JSON.parse(localStorage.getItem(KEY) ?? "{}") as Partial<Preferences>;
    return {
      zone: kept.zone === "utc" ? "utc" : chosen.zone,
      theme: kept.theme === "light" || kept.theme === "dark" ? kept.theme : chosen.theme,
    };
  } catch {
    return chosen;
  }
}
